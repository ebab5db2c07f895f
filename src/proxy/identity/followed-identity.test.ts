import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestAuthority } from '../../../test/harness/mesh-certificates.ts'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import { systemClock } from '../../base/index.ts'
import { followIdentity } from './followed-identity.ts'
import { createIdentityFiles } from './identity-files.ts'
import { createSigningRequest } from './signing-request.ts'

const spiffeId = 'spiffe://cluster.local/ns/default/sa/gateway'

test('followIdentity() waits for the certificate of another process and takes the renewed one', async () => {
  await using ca = await createTestAuthority()
  const directory = await mkdtemp(join(tmpdir(), 'weft-follow-'))
  const files = createIdentityFiles(directory)
  const save = async () => {
    const { csr, privateKey } = await createSigningRequest(spiffeId)
    const issued = await ca.authority.issue(csr, spiffeId)
    if (!issued.ok) throw issued.error
    const { certificateChain } = issued.value
    await files.save({ certificateChain, privateKey, trustBundle: ca.authority.trustBundle })
  }
  const serials: string[] = []
  const ended = new AbortController()
  const opening = followIdentity({
    spiffeId,
    files,
    onCertificate: ({ serialNumber }) => void serials.push(serialNumber),
    log: () => undefined,
    clock: systemClock,
    signal: ended.signal,
    pollMs: 5,
  })
  await save()
  const identity = await opening
  expect(serials).toHaveLength(1)
  await save()
  await waitUntil('the renewed one is taken', () => serials.length === 2)
  expect(new Set(serials).size).toBe(2)
  await identity[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

test('followIdentity() gives up waiting when it is told to end', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-follow-'))
  const ended = new AbortController()
  const opening = followIdentity({
    spiffeId,
    files: createIdentityFiles(directory),
    onCertificate: () => undefined,
    log: () => ended.abort(),
    clock: systemClock,
    signal: ended.signal,
  })
  await (await opening)[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})
