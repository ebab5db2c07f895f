/** First bytes of real connections: what a listener finds out and who is given the connection with all of its bytes. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { connect as connectPlain } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { createTestAuthority, type TestAuthority } from '../net/certificates.fixture.ts'
import {
  connectTestClient,
  createEchoOwner,
  createRecordingOwner,
  createTestServer,
  type TestServer,
  until,
} from '../net/sockets.fixture.ts'
import { anyConnection, type FilterChain, type ListenerConfig, type ServerTlsConfig } from './config/index.ts'
import { createDataPlane } from './create-data-plane.ts'
import {
  createFakeTelemetry,
  testChain,
  testCluster,
  testEndpoint,
  testHttpManager,
  testListener,
  testTcpProxy,
} from './data-plane-configs.fixture.ts'
import type { DownstreamInfo } from './network/index.ts'

const PAGE = 'spiffe://cluster.local/ns/default/sa/productpage'

let authority: TestAuthority
beforeAll(async () => {
  authority = await createTestAuthority()
})

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A plane with one listener; what its HTTP server is told of connections is in `infos`. */
async function serve(chains: readonly FilterChain[], overrides: Partial<ListenerConfig> = {}) {
  const telemetry = createFakeTelemetry()
  const lines: string[] = []
  const infos: DownstreamInfo[] = []
  const plane = createDataPlane({
    node: { id: 'n', name: 'n', namespace: 'default', workload: 'w', clusterId: 'weft', labels: {} },
    telemetry,
    createHttpServer: () => ({
      accept: (_socket, info) => {
        infos.push(info)
        return createEchoOwner('http:')
      },
      connections: 0,
      activeRequests: 0,
      drain: () => Promise.resolve(),
    }),
    accessLog: {
      write: (_path, line) => void lines.push(line.trim()),
      dropped: () => 0,
      reopen: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  })
  cleanups.push(async () => plane[Symbol.asyncDispose]())
  const count = (name: string): number => telemetry.values.get(`envoy_${name}`)?.value ?? 0
  const bound = await plane.putListener(
    testListener('l', chains, { direction: 'inbound', inspectionTimeoutMs: 5000, accessLogs, ...overrides }),
  )
  if (!bound.ok) throw new Error(bound.error.message)
  return { plane, port: bound.value.port, lines, infos, count }
}

const accessLogs = [{ path: '/dev/null', format: '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n', json: undefined }]

function upstream(serveSocket?: Parameters<typeof createTestServer>[0]): TestServer {
  const made = createTestServer(serveSocket ?? (() => createEchoOwner('up:')))
  cleanups.push(() => made[Symbol.dispose]())
  return made
}

async function serverTls(overrides: Partial<ServerTlsConfig> = {}): Promise<ServerTlsConfig> {
  return {
    certificate: { kind: 'inline', value: await authority.issue({ dnsNames: ['first.test'], uris: [PAGE] }) },
    validation: undefined,
    subjectAltNames: [],
    requireClientCertificate: false,
    alpn: [],
    minVersion: 'TLSv1.2',
    ...overrides,
  }
}

function tlsClient(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => resolve(socket))
  socket.on('error', reject)
  cleanups.push(() => void socket.destroy())
  return promise
}

function ask(socket: TLSSocket, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.on('data', (bytes) => resolve(bytes.toString()))
  socket.write(text)
  return promise
}

const tlsOnly = { ...anyConnection, transportProtocol: 'tls' }
const plainOnly = { ...anyConnection, transportProtocol: 'raw_buffer' }

describe('a permissive port', () => {
  const options = {
    inspectors: [{ kind: 'tls' }, { kind: 'http' }],
    inspectionTimeoutMs: 30,
    continueOnInspectionTimeout: true,
  } as const

  async function permissive(): Promise<Awaited<ReturnType<typeof serve>>> {
    const mutual = await serverTls({
      validation: { kind: 'inline', value: { trustedCa: authority.bundle, subjectAltNames: [] } },
      requireClientCertificate: true,
      alpn: ['istio'],
    })
    return serve(
      [
        testChain(testHttpManager(), { name: 'mutual', match: tlsOnly, tls: mutual }),
        testChain(testHttpManager(), { name: 'plain', match: plainOnly }),
      ],
      options,
    )
  }

  test('takes mutual TLS, and tells who it is', async () => {
    const { port, infos } = await permissive()
    const { certificateChain: cert, privateKey: key } = await authority.issue({ uris: [PAGE] })
    const socket = await tlsClient(port, { cert, key, servername: 'first.test', ALPNProtocols: ['istio'] })
    expect(await ask(socket, 'hello')).toBe('http:hello')
    expect(infos).toMatchObject([
      {
        tls: true,
        peerSpiffeId: PAGE,
        localSpiffeId: PAGE,
        serverName: 'first.test',
        alpn: 'istio',
        detectedProtocol: '',
      },
    ])
  })

  test.each([
    ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'http/1.1'],
    ['GET / HTTP/1.0\r\n\r\n', 'http/1.0'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'h2c'],
    ['*1\r\n$4\r\nPING\r\n', ''],
  ] as const)('takes %j in plain text with all of its bytes', async (text, detectedProtocol) => {
    const { port, infos } = await permissive()
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write(text)
    await until(() => owner.text() !== '', 'the echo')
    expect(owner.text()).toBe(`http:${text}`)
    expect(infos).toMatchObject([{ tls: false, peerSpiffeId: '', alpn: '', detectedProtocol }])
  })

  test('does not keep a client waiting that waits for the server', async () => {
    const greeting = upstream((socket) => {
      socket.write('220 ready')
      return createEchoOwner()
    })
    const { plane, port, count } = await serve([testChain(testTcpProxy('up'), { match: plainOnly })], options)
    plane.putCluster(testCluster('up', { endpoints: [testEndpoint(greeting.port)] }))
    const owner = createRecordingOwner()
    await connectTestClient(port, owner)
    await until(() => owner.text() === '220 ready', 'the greeting')
    expect(count('listener_downstream_pre_cx_timeout')).toBe(1)
  })

  test('refuses a client without a certificate', async () => {
    const { port, lines, infos } = await permissive()
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
    socket.on('error', () => undefined)
    await until(() => lines.length === 1, 'the refusal')
    expect(lines[0]).toStartWith('- tls_handshake_failed')
    expect(infos).toEqual([])
  })
})

describe('TLS that is ended here', () => {
  test('is handed a hello that came octet by octet', async () => {
    const tls = await serverTls()
    const { port } = await serve([testChain(testHttpManager(), { match: tlsOnly, tls })], {
      inspectors: [{ kind: 'tls' }],
    })
    const relay = upstream((socket) => {
      const onward = connectPlain({ host: '127.0.0.1', port, noDelay: true })
      cleanups.push(() => void onward.destroy())
      onward.on('data', (bytes) => socket.write(bytes))
      return {
        onData: (_socket, bytes) => {
          for (const octet of bytes) onward.write(Uint8Array.of(octet))
        },
        onDrain: () => undefined,
        onEnd: () => void onward.end(),
        onClose: () => undefined,
      }
    })
    const socket = await tlsClient(relay.port, { servername: 'first.test' })
    expect(await ask(socket, 'hello')).toBe('http:hello')
  })

  test.each([
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    // As in Envoy, and unlike RFC 7301, this is no reason to refuse.
    [['spdy/1'], ''],
    [[], ''],
  ])('with a client that offers %j agrees on %p', async (offered, agreed) => {
    const tls = await serverTls({ alpn: ['h2', 'http/1.1'] })
    const { port, infos } = await serve([testChain(testHttpManager(), { tls })])
    const socket = await tlsClient(port, offered.length === 0 ? {} : { ALPNProtocols: offered })
    expect(await ask(socket, 'hello')).toBe('http:hello')
    expect(infos[0]?.alpn).toBe(agreed)
    expect(socket.alpnProtocol || '').toBe(agreed)
  })

  test.each([
    ['first.test', 'first.test'],
    ['second.test', 'second.test'],
    ['SECOND.test', 'second.test'],
    ['a.wild.test', '*.wild.test'],
    ['a.b.wild.test', 'first.test'],
    ['other.test', 'first.test'],
    ['', 'first.test'],
  ])('serves to %p the certificate of %s', async (servername, expected) => {
    const tls = await serverTls({
      otherCertificates: [
        await authority.issue({ dnsNames: ['second.test'] }),
        await authority.issue({ dnsNames: ['*.wild.test'] }),
      ],
    })
    const { port } = await serve([testChain(testHttpManager(), { tls })])
    const socket = await tlsClient(port, servername === '' ? {} : { servername })
    expect(socket.getPeerX509Certificate()?.subjectAltName).toContain(`DNS:${expected}`)
  })

  test.each([
    [{ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }],
    [{ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }],
    [
      { maxVersion: 'TLSv1.2', cipherSuites: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
      { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' },
    ],
  ] as const)('with %j refuses a client with %j', async (params, client) => {
    const tls = await serverTls(params)
    const { port, lines } = await serve([testChain(testHttpManager(), { tls })])
    await expect(tlsClient(port, client)).rejects.toThrow()
    await until(() => lines.length === 1, 'the refusal')
    expect(lines[0]).toStartWith('- tls_handshake_failed')
  })

  test('carries half-closed connections both ways', async () => {
    const slow = upstream(() => {
      const owner = createRecordingOwner({ keepOpen: true })
      return {
        ...owner,
        onEnd: (socket) => {
          socket.write(`got ${owner.text()}`)
          socket.end()
        },
      }
    })
    const inbound = await serve([testChain(testTcpProxy('up'), { tls: await serverTls() })])
    inbound.plane.putCluster(testCluster('up', { endpoints: [testEndpoint(slow.port)] }))
    const outbound = await serve([testChain(testTcpProxy('over'))])
    const tls = {
      certificate: undefined,
      validation: undefined,
      subjectAltNames: [],
      sni: undefined,
      alpn: [],
      minVersion: 'TLSv1.2',
    } as const
    outbound.plane.putCluster(testCluster('over', { endpoints: [testEndpoint(inbound.port)], tls }))
    const owner = createRecordingOwner()
    const socket = await connectTestClient(outbound.port, owner)
    socket.write('all of it')
    socket.shutdown()
    await until(() => owner.closed, 'the end of the answer')
    expect(owner.text()).toBe('got all of it')
    expect(owner.error).toBeUndefined()
  })
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a session of %s made under a trust since withdrawn is not resumed',
  async (maxVersion) => {
    const stranger = await createTestAuthority('stranger')
    const tls = await serverTls({
      validation: { kind: 'named', name: 'ROOTCA' },
      requireClientCertificate: true,
      ...(maxVersion === 'TLSv1.2' ? { maxVersion } : {}),
    })
    const { plane, port, lines, infos } = await serve([testChain(testHttpManager(), { tls })])
    const trust = (trustedCa: string): void =>
      plane.putSecret({ kind: 'validation', name: 'ROOTCA', validation: { trustedCa, subjectAltNames: [] } })
    trust(authority.bundle)
    const { certificateChain: cert, privateKey: key } = await authority.issue({ uris: [PAGE] })
    const first = await tlsClient(port, { cert, key, maxVersion })
    const sessions: Buffer[] = []
    first.on('session', (session) => sessions.push(session))
    expect(await ask(first, 'hello')).toBe('http:hello')
    await until(() => sessions.length > 0, 'a session')
    const session = sessions.at(-1)
    const resumed = await tlsClient(port, { cert, key, maxVersion, session })
    expect(await ask(resumed, 'hello')).toBe('http:hello')
    expect(resumed.isSessionReused()).toBe(true)
    trust(stranger.bundle)
    const refused = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, cert, key, maxVersion, session })
    refused.on('error', () => undefined)
    await until(() => lines.length === 1, 'the refusal')
    expect(lines[0]).toStartWith('- tls_handshake_failed')
    expect(infos.length).toBe(2)
  },
)

describe('the PROXY protocol', () => {
  const needed = { inspectors: [{ kind: 'proxy-protocol', allowWithout: false, versions: [1, 2] }] } as const
  const header = 'PROXY TCP4 192.0.2.1 198.51.100.2 4000 443\r\n'

  test('tells who is there', async () => {
    const { port, infos, count } = await serve([testChain(testHttpManager())], needed)
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write(`${header}hello`)
    await until(() => owner.text() === 'http:hello', 'the echo')
    expect(infos).toMatchObject([
      { remoteAddress: '192.0.2.1:4000', destinationAddress: '198.51.100.2', destinationPort: 443 },
    ])
    expect(infos[0]?.directRemoteAddress).toBe(`127.0.0.1:${socket.localPort}`)
    expect(count('proxy_proto_versions_v1_found')).toBe(1)
  })

  test.each([
    ['GET / HTTP/1.1\r\n', 'proxy_protocol_header_missing', 'proxy_proto_not_found_disallowed'],
    ['PROXY TCP4 \xff\xfe\r\n', 'proxy_protocol_header_malformed', 'proxy_proto_versions_v1_error'],
    ['\r\n\r\n\0\r\nQUIT\n\x31', 'proxy_protocol_header_malformed', 'proxy_proto_versions_v2_error'],
  ])('is missing or malformed in %j, which closes and counts', async (text, details, counter) => {
    const { port, lines, infos, count } = await serve([testChain(testHttpManager())], needed)
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write(Buffer.from(text, 'latin1'))
    await until(() => owner.closed && lines.length === 1, 'the close')
    expect(lines).toEqual([`- ${details}`])
    expect(count(counter)).toBe(1)
    expect(infos).toEqual([])
  })

  test('is waited for no longer than the time allows, even where others would go on', async () => {
    const { port, lines } = await serve([testChain(testHttpManager())], {
      ...needed,
      inspectionTimeoutMs: 30,
      continueOnInspectionTimeout: true,
    })
    const owner = createRecordingOwner()
    await connectTestClient(port, owner)
    await until(() => owner.closed && lines.length === 1, 'the close')
    expect(lines).toEqual(['- listener_filters_timeout'])
  })

  test('goes before TLS, in and out', async () => {
    const inside = await serve([testChain(testHttpManager(), { tls: await serverTls({ alpn: ['istio'] }) })], needed)
    const outside = await serve([testChain(testTcpProxy('over'))])
    const tls = {
      certificate: undefined,
      validation: { kind: 'inline', value: { trustedCa: authority.bundle, subjectAltNames: [] } },
      subjectAltNames: [{ type: 'dns', match: { kind: 'exact', value: 'first.test' } }],
      sni: 'first.test',
      alpn: ['istio'],
      minVersion: 'TLSv1.3',
    } as const
    const endpoints = [testEndpoint(inside.port)]
    outside.plane.putCluster(testCluster('over', { endpoints, tls, proxyProtocol: 2 }))
    const owner = createRecordingOwner()
    const socket = await connectTestClient(outside.port, owner)
    socket.write('hello')
    await until(() => owner.text() === 'http:hello', 'the echo')
    expect(inside.infos).toMatchObject([
      {
        remoteAddress: `127.0.0.1:${socket.localPort}`,
        destinationPort: outside.port,
        tls: true,
        alpn: 'istio',
        serverName: 'first.test',
      },
    ])
    socket.end()
    await until(() => owner.closed, 'the end')
    const wrong = { ...tls, subjectAltNames: [{ type: 'dns', match: { kind: 'exact', value: 'other.test' } }] } as const
    outside.plane.putCluster(testCluster('over', { endpoints, tls: wrong, proxyProtocol: 2 }))
    const refused = createRecordingOwner()
    await connectTestClient(outside.port, refused)
    await until(() => refused.closed, 'the refusal')
    expect(inside.infos.length).toBe(1)
  })
})

test('a hello that is too large closes the connection', async () => {
  const { port, lines } = await serve([testChain(testHttpManager())], { inspectors: [{ kind: 'tls' }] })
  const owner = createRecordingOwner()
  const socket = await connectTestClient(port, owner)
  socket.write(Uint8Array.of(22, 3, 1, 0, 9, 1, 1, 0, 0))
  await until(() => owner.closed && lines.length === 1, 'the close')
  expect(lines).toEqual(['- client_hello_too_large'])
})

test('a client that ends behind its bytes is served all the same', async () => {
  const { plane, port } = await serve([testChain(testTcpProxy('up'))], {
    inspectors: [{ kind: 'tls' }, { kind: 'http' }],
  })
  plane.putCluster(testCluster('up', { endpoints: [testEndpoint(upstream().port)] }))
  const owner = createRecordingOwner()
  const socket = await connectTestClient(port, owner)
  socket.write('GET')
  socket.shutdown()
  await until(() => owner.closed, 'the answer')
  expect(owner.text()).toBe('up:GET')
})

test('a connection is cut when its time is over, and logged with DT', async () => {
  const network = testTcpProxy('up', { maxDurationMs: 30, accessLogs })
  const { plane, port, lines } = await serve([testChain(network)])
  plane.putCluster(testCluster('up', { endpoints: [testEndpoint(upstream().port)] }))
  const owner = createRecordingOwner()
  await connectTestClient(port, owner)
  await until(() => owner.closed && lines.length === 1, 'the cut')
  expect(lines).toEqual(['DT max_connection_duration_reached'])
})
