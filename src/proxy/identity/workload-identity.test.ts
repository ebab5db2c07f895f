import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestAuthority, type TestAuthority } from '../../../test/harness/mesh-certificates.ts'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import { type Clock, MeshError, systemClock } from '../../base/index.ts'
import { type IssuedCertificate, requestFirstCertificate } from './enrol.ts'
import { createIdentityFiles } from './identity-files.ts'
import { renewalTime, retryPause } from './renewal-time.ts'
import { createSigningRequest } from './signing-request.ts'
import { openWorkloadIdentity, type WorkloadIdentityOptions } from './workload-identity.ts'

const spiffeId = 'spiffe://cluster.local/ns/default/sa/reviews'
let ca: TestAuthority
let directory: string

beforeAll(async () => {
  ca = await createTestAuthority()
  directory = await mkdtemp(join(tmpdir(), 'weft-identity-'))
})
afterAll(async () => {
  await ca[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

async function issue(csr: string, id = spiffeId): Promise<IssuedCertificate> {
  const issued = await ca.authority.issue(csr, id)
  if (!issued.ok) throw issued.error
  return { certificateChain: issued.value.certificateChain, trustBundle: ca.authority.trustBundle }
}

let folder = 0
function setUp(overrides: Partial<WorkloadIdentityOptions> = {}) {
  folder += 1
  const path = join(directory, String(folder), 'identity')
  const seen: string[] = []
  const log: string[] = []
  const options: WorkloadIdentityOptions = {
    spiffeId,
    files: createIdentityFiles(path),
    enrol: (csr) => issue(csr),
    renew: (_, csr) => issue(csr),
    onCertificate: ({ serialNumber }) => seen.push(serialNumber),
    log: (text) => log.push(text),
    clock: systemClock,
    random: () => 0.5,
    signal: new AbortController().signal,
    ...overrides,
  }
  return { path, seen, log, options }
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (cause: unknown) => cause,
  )

const at = (now: number): Clock => ({ now: () => now, monotonic: () => 0 })

describe('openWorkloadIdentity()', () => {
  test('enrols, keeps key, certificate and bundle private on disk, and tells the certificate', async () => {
    const { path, seen, options } = setUp()
    await using identity = await openWorkloadIdentity(options)
    expect(seen).toEqual([identity.current().serialNumber])
    expect((await readdir(path)).toSorted()).toEqual(['bundle.pem', 'certificate.pem', 'key.pem'])
    for (const file of ['bundle.pem', 'certificate.pem', 'key.pem']) {
      expect((await stat(join(path, file))).mode & 0o777).toBe(0o600)
    }
    expect((await stat(path)).mode & 0o777).toBe(0o700)
  })

  test('uses the certificate on disk after a restart, with no authority at all', async () => {
    const { options } = setUp()
    const serial = await (async () => {
      await using first = await openWorkloadIdentity(options)
      return first.current().serialNumber
    })()
    await using second = await openWorkloadIdentity({ ...options, enrol: undefined })
    expect(second.current().serialNumber).toBe(serial)
  })

  test('finds the pair when a process died between the renames', async () => {
    const { path, options } = setUp()
    await using first = await openWorkloadIdentity(options)
    await rename(join(path, 'key.pem'), join(path, 'key.next.pem'))
    await writeFile(join(path, 'key.pem'), (await createSigningRequest(spiffeId)).privateKey)
    await using second = await openWorkloadIdentity({ ...options, enrol: undefined })
    expect(second.current().serialNumber).toBe(first.current().serialNumber)
  })

  test.each([
    ['expired', { clock: at(Date.now() + 25 * 3_600_000) }],
    ['of another identity', { spiffeId: `${spiffeId}-other` }],
  ])('does not use a certificate on disk that is %s', async (_, change) => {
    const { options } = setUp()
    await using first = await openWorkloadIdentity(options)
    const second = openWorkloadIdentity({ ...options, ...change, enrol: undefined })
    expect(await failureOf(second)).toMatchObject({ code: 'WEFT_PROXY_CERTIFICATE' })
    expect(first.current().serialNumber).not.toBe('')
  })

  test('tries again while the authority does not answer', async () => {
    let calls = 0
    const enrol = async (csr: string) => {
      calls += 1
      if (calls === 1) throw new MeshError('WEFT_PROXY_ENROL', 'No answer')
      return await issue(csr)
    }
    const { log, options } = setUp({ enrol, random: () => 0 })
    await using identity = await openWorkloadIdentity(options)
    expect(identity.current().serialNumber).not.toBe('')
    expect(log).toEqual(['First certificate: No answer'])
  })

  test('gives up when the authority refuses', async () => {
    const enrol = async (): Promise<IssuedCertificate> => {
      throw new MeshError('WEFT_PROXY_ENROL_REFUSED', 'Token used')
    }
    expect(await failureOf(openWorkloadIdentity(setUp({ enrol }).options))).toMatchObject({ message: 'Token used' })
  })

  test('refuses an answer for another identity or key', async () => {
    const stop = new AbortController()
    const { csr } = await createSigningRequest(spiffeId)
    const { log, options } = setUp({ enrol: () => issue(csr), signal: stop.signal })
    const opening = openWorkloadIdentity(options)
    await waitUntil('fault logged', () => log.length > 0)
    stop.abort(new Error('stopped'))
    expect(await failureOf(opening)).toMatchObject({ message: 'stopped' })
    expect(log[0]).toContain('not of the private key')
  })

  test('renews with a new key and keeps the old certificate when that fails', async () => {
    let fail = true
    const renew = async (_: unknown, csr: string) => {
      if (fail) throw new Error('control plane is down')
      return await issue(csr)
    }
    const { seen, log, options } = setUp({ renew })
    await using identity = await openWorkloadIdentity(options)
    const before = identity.current()
    await identity.renewNow()
    expect(identity.current()).toBe(before)
    expect(log[0]).toContain('control plane is down')
    fail = false
    await identity.renewNow()
    expect(identity.current().privateKey).not.toBe(before.privateKey)
    expect(seen).toHaveLength(2)
    await using restarted = await openWorkloadIdentity({ ...options, enrol: undefined })
    expect(restarted.current().serialNumber).toBe(identity.current().serialNumber)
  })

  test('renews by itself when half of the life is over', async () => {
    let now = Date.now()
    const clock: Clock = { now: () => now, monotonic: () => 0 }
    const { seen, options } = setUp({ clock })
    await (await openWorkloadIdentity(options))[Symbol.asyncDispose]()
    now += 13 * 3_600_000
    await using _ = await openWorkloadIdentity(options)
    await waitUntil('renewed', () => seen.length === 3)
    expect(seen[1]).toBe(seen[0] ?? '')
    expect(seen[2]).not.toBe(seen[1] ?? '')
  })
})

test('renewalTime() lies at half life give or take 5 % of it', () => {
  const life = { notBefore: 0, notAfter: 1000 }
  expect([0, 0.5, 1].map((random) => renewalTime(life, random))).toEqual([450, 500, 550])
})

test('retryPause() doubles from one second to five minutes', () => {
  expect([1, 2, 3, 50].map((failures) => retryPause(failures, 1))).toEqual([1000, 2000, 4000, 300_000])
  expect(retryPause(1, 0)).toBe(500)
})

describe('requestFirstCertificate()', () => {
  async function serve(answer: (body: unknown) => Response) {
    const identity = await ca.issue('spiffe://cluster.local/ns/weft-system/sa/control-plane')
    const bodies: unknown[] = []
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: { cert: identity.certificateChain, key: identity.privateKey },
      fetch: async (request) => {
        const body: unknown = await request.json()
        bodies.push({ path: new URL(request.url).pathname, body })
        return answer(body)
      },
    })
    const joinTokenFile = join(directory, `token-${server.port}`)
    await writeFile(joinTokenFile, 'secret-token\n')
    const source = { caUrl: `https://127.0.0.1:${server.port}/`, caFile: ca.authority.bundleFile, joinTokenFile }
    return { bodies, source, [Symbol.asyncDispose]: () => server.stop(true) }
  }
  const { signal } = new AbortController()

  test('posts token and request to a control plane that the bundle vouches for', async () => {
    await using api = await serve(() => Response.json({ certificateChain: 'chain', trustBundle: 'bundle' }))
    const issued = await requestFirstCertificate(api.source, 'csr', signal)
    expect(issued).toEqual({ certificateChain: 'chain', trustBundle: 'bundle' })
    expect(api.bodies).toEqual([{ path: '/v1/certificates', body: { joinToken: 'secret-token', csr: 'csr' } }])
  })

  test.each([
    ['WEFT_PROXY_ENROL_REFUSED', () => Response.json({ code: 'WEFT_CA_JOIN_TOKEN', message: 'used' }, { status: 401 })],
    ['WEFT_PROXY_ENROL', () => new Response('starting', { status: 503 })],
    ['WEFT_PROXY_ENROL', () => new Response('not json')],
    ['WEFT_PROXY_ENROL', () => Response.json({ certificateChain: 7 })],
  ])('fails with %s and does not show the token', async (code, answer) => {
    await using api = await serve(answer)
    const failure = await failureOf(requestFirstCertificate(api.source, 'csr', signal))
    expect(failure).toMatchObject({ code })
    expect(String(failure)).not.toContain('secret-token')
  })

  test('sends nothing to a server that the bundle does not vouch for', async () => {
    await using other = await createTestAuthority()
    await using api = await serve(() => Response.json({}))
    const source = { ...api.source, caFile: other.authority.bundleFile }
    expect(await failureOf(requestFirstCertificate(source, 'csr', signal))).toMatchObject({ code: 'WEFT_PROXY_ENROL' })
    expect(api.bodies).toEqual([])
  })
})
