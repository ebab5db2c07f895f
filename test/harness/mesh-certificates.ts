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
  /** The same authority as it was `ageMs` ago: what it issues has lived that long. */
  readonly aged: CertificateAuthority
  /** Certificate for a SPIFFE id, also valid for 127.0.0.1 and localhost. */
  readonly issue: (spiffeId: string) => Promise<ServerCertificate>
}

/** Makes an authority with a root that is `ageMs` old. */
export async function createTestAuthority(ageMs = 0): Promise<TestAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-ca-'))
  const past = { now: () => systemClock.now() - ageMs, monotonic: systemClock.monotonic }
  const aged = await openCertificateAuthority({ directory, trustDomain: 'cluster.local', clock: past })
  const authority = await openCertificateAuthority({ directory, trustDomain: 'cluster.local', clock: systemClock })
  return {
    authority,
    aged,
    directory,
    issue: (spiffeId) => authority.issueServer(spiffeId, ['127.0.0.1', 'localhost']),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}
