import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acceptTls, type AcceptTlsResult } from './accept-tls.ts'
import { type ConnectResult, createConnector } from './connector.ts'
import { listenTcp, type TcpListener } from './listen-tcp.ts'
import type { PeerRequirement } from './peer-verification.ts'
import { createTestAuthority, type TestAuthority } from './certificates.fixture.ts'
import { connectTestClient, createEchoOwner, createRecordingOwner, until } from './sockets.fixture.ts'
import { createTlsContext, type TlsContext, type TlsContextOptions } from './tls-context.ts'

const REVIEWS = 'spiffe://cluster.local/ns/default/sa/reviews'
const PAGE = 'spiffe://cluster.local/ns/default/sa/productpage'

let authority: TestAuthority
let stranger: TestAuthority
const listeners: TcpListener[] = []

beforeAll(async () => {
  authority = await createTestAuthority('mesh')
  stranger = await createTestAuthority('stranger')
})
afterAll(() => {
  for (const listener of listeners) listener.stop()
})

function context(options: Partial<TlsContextOptions> & Pick<TlsContextOptions, 'role' | 'certificate'>): TlsContext {
  const made = createTlsContext({
    trustedCa: authority.bundle,
    minVersion: 'TLSv1.3',
    requestCertificate: true,
    ...options,
  })
  if (!made.ok) throw made.error
  return made.value
}

const anyMember: PeerRequirement = {
  verifyChain: true,
  requireCertificate: true,
  names: [[{ type: 'uri', match: { kind: 'prefix', value: 'spiffe://cluster.local/' } }]],
}

const anybody: PeerRequirement = { verifyChain: false, requireCertificate: false, names: [] }

function only(uri: string): PeerRequirement {
  return { ...anyMember, names: [[{ type: 'uri', match: { kind: 'exact', value: uri } }]] }
}

/** A TLS echo server; what became of each handshake is in `results`. */
function serve(
  certificate: TlsContextOptions['certificate'],
  overrides: {
    readonly context?: Partial<TlsContextOptions>
    readonly requirement?: PeerRequirement
    readonly alpn?: readonly string[]
  } = {},
): { readonly port: number; readonly results: AcceptTlsResult[] } {
  const results: AcceptTlsResult[] = []
  const server = context({ role: 'server', certificate, ...overrides.context })
  const listening = listenTcp({
    address: '127.0.0.1',
    port: 0,
    onAccept: (socket) =>
      acceptTls(
        socket,
        { context: server, alpn: overrides.alpn ?? ['istio'], requirement: overrides.requirement ?? anyMember },
        (result) => {
          results.push(result)
          if (result.accepted) result.socket.data = createEchoOwner()
        },
      ),
    onGone: () => undefined,
  })
  if (!listening.ok) throw listening.error
  listeners.push(listening.value)
  return { port: listening.value.port, results }
}

function connectorTo(port: number): ReturnType<typeof createConnector> {
  return createConnector({
    target: { kind: 'tcp', address: '127.0.0.1', port },
    connectTimeoutMs: 2000,
    keepalive: undefined,
    setKeepalive: () => true,
    onReleased: () => undefined,
    onDescriptorFree: () => undefined,
  })
}

async function connect(
  connector: ReturnType<typeof createConnector>,
  client: TlsContext,
  requirement: PeerRequirement,
  owner = createRecordingOwner(),
  alpn: readonly string[] = ['istio'],
): Promise<ConnectResult> {
  const { promise, resolve } = Promise.withResolvers<ConnectResult>()
  connector.connect({ context: client, alpn, sni: 'reviews.default', requirement }, owner, resolve)
  return promise
}

describe('mutual TLS between a connector and an accepting socket', () => {
  test('acceptTls() and connect() agree on identities, ALPN, TLS 1.3 and carry bytes', async () => {
    const { port, results } = serve(await authority.issue({ uris: [REVIEWS] }))
    const client = context({ role: 'client', certificate: await authority.issue({ uris: [PAGE] }) })
    const owner = createRecordingOwner()
    const result = await connect(connectorTo(port), client, only(REVIEWS), owner)
    if (result.kind !== 'connected') throw new Error(result.message)
    expect(result.peerSpiffeId).toBe(REVIEWS)
    expect(result.alpn).toBe('istio')
    expect(result.socket.getTLSVersion()).toBe('TLSv1.3')
    result.socket.write('hello')
    await until(() => owner.text() === 'hello', 'the echo')
    const [accepted] = results
    if (accepted?.accepted !== true) throw new Error('not accepted')
    expect(accepted.spiffeId).toBe(PAGE)
    expect(accepted.alpn).toBe('istio')
    expect(accepted.serverName).toBe('reviews.default')
    result.socket.end()
  })

  test('connect() resumes the session on the second connection and still sees the identity', async () => {
    const { port } = serve(await authority.issue({ uris: [REVIEWS] }))
    const client = context({ role: 'client', certificate: await authority.issue({ uris: [PAGE] }) })
    const connector = connectorTo(port)
    const first = await connect(connector, client, only(REVIEWS))
    if (first.kind !== 'connected') throw new Error(first.message)
    first.socket.write('x')
    await until(() => connector.hasSession(client), 'a session ticket')
    first.socket.end()
    const second = await connect(connector, client, only(REVIEWS))
    if (second.kind !== 'connected') throw new Error(second.message)
    expect(second.socket.isSessionReused()).toBe(true)
    expect(second.peerSpiffeId).toBe(REVIEWS)
    second.socket.end()
    const refused = await connect(connector, client, only('spiffe://cluster.local/ns/default/sa/other'))
    expect(refused.kind).toBe('failed')
    const renewed = context({ role: 'client', certificate: await authority.issue({ uris: [PAGE] }) })
    expect(connector.hasSession(renewed)).toBe(false)
    const third = await connect(connector, renewed, only(REVIEWS))
    if (third.kind !== 'connected') throw new Error(third.message)
    expect(third.socket.isSessionReused()).toBe(false)
    third.socket.end()
  })

  test.each([
    [['h2', 'http/1.1'], ['http/1.1', 'h2'], 'h2'],
    [['h2', 'http/1.1'], ['http/1.1'], 'http/1.1'],
    [[], ['h2'], ''],
    [['h2'], [], ''],
  ])('acceptTls() of %j and connect() with %j agree on %p', async (served, offered, agreed) => {
    const { port, results } = serve(await authority.issue({ uris: [REVIEWS] }), { alpn: served })
    const client = context({ role: 'client', certificate: await authority.issue({ uris: [PAGE] }) })
    const owner = createRecordingOwner()
    const result = await connect(connectorTo(port), client, only(REVIEWS), owner, offered)
    expect(result).toMatchObject({ kind: 'connected', alpn: agreed })
    await until(() => results.length === 1, 'the verdict')
    expect(results[0]).toMatchObject({ accepted: true, alpn: agreed })
    if (result.kind === 'connected') result.socket.end()
  })

  test('acceptTls() refuses a client that offers other protocols only', async () => {
    const { port, results } = serve(await authority.issue({ uris: [REVIEWS] }), { alpn: ['h2'] })
    const client = context({ role: 'client', certificate: await authority.issue({ uris: [PAGE] }) })
    const owner = createRecordingOwner()
    const result = await connect(connectorTo(port), client, only(REVIEWS), owner, ['http/1.1'])
    expect(result).toMatchObject({ kind: 'failed', reason: 'tls' })
    await until(() => results.length === 1, 'the verdict')
    expect(results[0]).toMatchObject({ accepted: false })
  })

  test('connect() refuses a server of another identity before a byte is written', async () => {
    const { port, results } = serve(await authority.issue({ uris: ['spiffe://cluster.local/ns/default/sa/impostor'] }))
    const client = context({ role: 'client', certificate: await authority.issue({ uris: [PAGE] }) })
    const result = await connect(connectorTo(port), client, only(REVIEWS))
    expect(result).toMatchObject({ kind: 'failed', reason: 'tls' })
    await until(() => results.length === 1, 'the server to see the end')
    // Cut before the client's certificate was sent: the server never saw who it was.
    expect(results[0]?.accepted).toBe(false)
  })

  test.each([
    ['an untrusted server', () => stranger.issue({ uris: [REVIEWS] })],
    ['an expired server', () => authority.issue({ uris: [REVIEWS], notAfter: new Date(Date.now() - 60_000) })],
    ['a server without a URI name', () => authority.issue({ dnsNames: ['reviews.default'] })],
    ['a server with two URI names', () => authority.issue({ uris: [REVIEWS, PAGE] })],
    ['a server whose DNS name spells a URI', () => authority.issue({ dnsNames: [`x, URI:${REVIEWS}`] })],
  ])('connect() refuses %s', async (_title, issue) => {
    const { port } = serve(await issue())
    const client = context({ role: 'client', certificate: await authority.issue({ uris: [PAGE] }) })
    expect(await connect(connectorTo(port), client, only(REVIEWS))).toMatchObject({ kind: 'failed', reason: 'tls' })
  })

  test.each([
    ['no certificate', () => Promise.resolve(undefined), 'no certificate'],
    ['an untrusted certificate', () => stranger.issue({ uris: [PAGE] }), 'does not verify'],
    [
      'an expired certificate',
      () => authority.issue({ uris: [PAGE], notAfter: new Date(Date.now() - 60_000) }),
      'does not verify',
    ],
    ['an identity of another trust domain', () => authority.issue({ uris: ['spiffe://evil/ns/a/sa/b'] }), 'expected'],
    ['no SPIFFE id', () => authority.issue({ dnsNames: ['a.b'] }), 'expected'],
  ])('acceptTls() refuses a client with %s', async (_title, issue, reason) => {
    const { port, results } = serve(await authority.issue({ uris: [REVIEWS] }))
    const client = context({ role: 'client', certificate: await issue() })
    const owner = createRecordingOwner()
    const result = await connect(connectorTo(port), client, only(REVIEWS), owner)
    if (result.kind === 'connected') result.socket.write('secret')
    await until(() => results.length === 1, 'the verdict')
    const [verdict] = results
    expect(verdict?.accepted === false ? verdict.message : '').toContain(reason)
    if (result.kind === 'connected') await until(() => owner.closed, 'the client to be cut off')
    expect(owner.received).toBe(0)
  })

  test.each([
    ['no certificate', () => Promise.resolve(undefined), ''],
    ['the right identity', () => authority.issue({ uris: [PAGE] }), PAGE],
  ])('acceptTls() that asks for no certificate takes a client with %s', async (_title, issue, spiffeId) => {
    const requirement = { ...only(PAGE), requireCertificate: false }
    const { port, results } = serve(await authority.issue({ uris: [REVIEWS] }), { requirement })
    const client = context({ role: 'client', certificate: await issue() })
    const result = await connect(connectorTo(port), client, only(REVIEWS))
    if (result.kind !== 'connected') throw new Error(result.message)
    await until(() => results.length === 1, 'the verdict')
    expect(results[0]).toMatchObject({ accepted: true, spiffeId })
    result.socket.end()
  })

  test.each([
    ['an untrusted certificate', () => stranger.issue({ uris: [PAGE] }), 'does not verify'],
    ['another identity', () => authority.issue({ uris: [REVIEWS] }), 'expected uri exact'],
    ['no name at all', () => authority.issue({}), 'expected uri exact'],
  ])('acceptTls() that asks for no certificate still refuses a client with %s', async (_title, issue, reason) => {
    const requirement = { ...only(PAGE), requireCertificate: false }
    const { port, results } = serve(await authority.issue({ uris: [REVIEWS] }), { requirement })
    await connect(connectorTo(port), context({ role: 'client', certificate: await issue() }), only(REVIEWS))
    await until(() => results.length === 1, 'the verdict')
    const [verdict] = results
    expect(verdict?.accepted === false ? verdict.message : '').toContain(reason)
  })

  test.each([
    ['api.example.com', 'api.example.com', true],
    ['*.example.com', 'api.example.com', true],
    ['*.Example.com', 'API.example.com', true],
    ['*.example.com', 'a.b.example.com', false],
    ['*.example.com', 'example.com', false],
    ['*.com', 'example.com', true],
    ['api.example.com', '*.example.com', false],
  ])('connect() to a server of %s that is to be %s', async (dnsName, value, good) => {
    const { port } = serve(await authority.issue({ dnsNames: [dnsName] }), { requirement: anybody })
    const requirement: PeerRequirement = { ...anyMember, names: [[{ type: 'dns', match: { kind: 'exact', value } }]] }
    const client = context({ role: 'client', certificate: undefined })
    expect((await connect(connectorTo(port), client, requirement)).kind).toBe(good ? 'connected' : 'failed')
  })

  test('acceptTls() refuses a session that was made under a trust since withdrawn', async () => {
    const certificate = await authority.issue({ uris: [REVIEWS] })
    let server = context({ role: 'server', certificate })
    const verdicts: AcceptTlsResult[] = []
    const listening = listenTcp({
      address: '127.0.0.1',
      port: 0,
      onAccept: (socket) =>
        acceptTls(socket, { context: server, alpn: [], requirement: anyMember }, (result) => {
          verdicts.push(result)
          if (result.accepted) result.socket.data = createEchoOwner()
        }),
      onGone: () => undefined,
    })
    if (!listening.ok) throw listening.error
    listeners.push(listening.value)
    const client = context({ role: 'client', certificate: await authority.issue({ uris: [PAGE] }) })
    const connector = connectorTo(listening.value.port)
    const first = await connect(connector, client, only(REVIEWS))
    if (first.kind !== 'connected') throw new Error(first.message)
    first.socket.write('x')
    await until(() => connector.hasSession(client), 'a session ticket')
    server = context({ role: 'server', certificate, trustedCa: stranger.bundle })
    await connect(connector, client, only(REVIEWS))
    await until(() => verdicts.length === 2, 'the second verdict')
    expect(verdicts.map(({ accepted }) => accepted)).toEqual([true, false])
  })
})

test('acceptTls() closes a connection whose client does not finish the handshake in time', async () => {
  const server = context({ role: 'server', certificate: await authority.issue({ uris: [REVIEWS] }) })
  const verdicts: AcceptTlsResult[] = []
  const listening = listenTcp({
    address: '127.0.0.1',
    port: 0,
    onAccept: (socket) =>
      acceptTls(socket, { context: server, alpn: [], requirement: anyMember, timeoutMs: 30 }, (result) => {
        verdicts.push(result)
      }),
    onGone: () => undefined,
  })
  if (!listening.ok) throw listening.error
  listeners.push(listening.value)
  const owner = createRecordingOwner()
  const socket = await connectTestClient(listening.value.port, owner)
  // The first bytes of a client hello that never goes on.
  socket.write(new Uint8Array([22, 3, 1, 2, 0, 1]))
  await until(() => owner.closed, 'the close')
  expect(verdicts).toEqual([{ accepted: false, message: 'No TLS handshake within 30 ms' }])
})

test('connect() without a listener reports refused', async () => {
  const { port } = serve(await authority.issue({ uris: [REVIEWS] }))
  listeners.pop()?.stop()
  const { promise, resolve } = Promise.withResolvers<ConnectResult>()
  connectorTo(port).connect(undefined, createRecordingOwner(), resolve)
  expect(await promise).toMatchObject({ kind: 'failed', reason: 'refused' })
})

test('createTlsContext() reports a key that does not belong to the certificate', async () => {
  const { certificateChain } = await authority.issue({ uris: [REVIEWS] })
  const { privateKey } = await authority.issue({ uris: [REVIEWS] })
  for (const key of [privateKey, 'nonsense']) {
    const made = createTlsContext({
      role: 'server',
      certificate: { certificateChain, privateKey: key },
      trustedCa: authority.bundle,
      minVersion: 'TLSv1.3',
    })
    expect(made.ok ? '' : made.error.code).toBe('WEFT_NET_TLS_CONTEXT')
  }
})

test('acceptTls() agrees with openssl s_client, and refuses it without a certificate', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-tls-'))
  try {
    const { port, results } = serve(await authority.issue({ uris: [REVIEWS] }))
    const { certificateChain, privateKey } = await authority.issue({ uris: [PAGE] })
    writeFileSync(join(folder, 'ca.pem'), authority.bundle)
    writeFileSync(join(folder, 'cert.pem'), certificateChain)
    writeFileSync(join(folder, 'key.pem'), privateKey, { mode: 0o600 })
    const run = async (extra: readonly string[]): Promise<string> => {
      const child = Bun.spawn(
        ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-CAfile', 'ca.pem', '-alpn', 'istio', ...extra],
        { cwd: folder, stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' },
      )
      void child.stdin.write('ping\n')
      await child.stdin.flush()
      const reader = child.stdout.getReader()
      let text = ''
      const decoder = new TextDecoder()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        text += decoder.decode(value)
        if (text.includes('ping')) break
      }
      child.kill()
      await child.exited
      return text
    }
    const good = await run(['-cert', 'cert.pem', '-key', 'key.pem'])
    expect(good).toContain('Verify return code: 0 (ok)')
    expect(good).toContain('ALPN protocol: istio')
    expect(good).toContain('TLSv1.3')
    expect(good).toContain('ping')
    expect(await run([])).not.toContain('ping')
    expect(results.map(({ accepted }) => accepted)).toEqual([true, false])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
