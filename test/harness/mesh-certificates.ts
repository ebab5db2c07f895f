/** Certificates of a throw-away mesh authority, for tests that need both ends of mutual TLS. */
import 'reflect-metadata'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/index.ts'
import { type CertificateAuthority, openCertificateAuthority, type ServerCertificate } from '../../src/ca/index.ts'

/** An authority of trust domain `cluster.local` in a directory that disposing removes. */
export interface TestAuthority extends AsyncDisposable {
  readonly authority: CertificateAuthority
  readonly directory: string
  /** Certificate for a SPIFFE id, also valid for 127.0.0.1 and localhost. */
  readonly issue: (spiffeId: string) => Promise<ServerCertificate>
}

/** Makes an authority with a fresh root. */
export async function createTestAuthority(): Promise<TestAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-ca-'))
  const authority = await openCertificateAuthority({ directory, trustDomain: 'cluster.local', clock: systemClock })
  return {
    authority,
    directory,
    issue: (spiffeId) => authority.issueServer(spiffeId, ['127.0.0.1', 'localhost']),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}
