/**
 * TLS that is ended by the proxy: a client does the same handshakes with real Envoy and with `weft proxy`, which run the same bootstrap,
 * and must come to the same end. Left out when there is no `envoy` on the PATH.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { connect, type ConnectionOptions } from 'node:tls'
import type { JsonObject } from '@bufbuild/protobuf'

import { createTestAuthority, type TestAuthority } from '../../../src/net/certificates.fixture.ts'
import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from '../http/proxies.ts'

const limitMs = 30_000
const type = 'type.googleapis.com/envoy.extensions'
const skipped = envoyBinary === null

type Leaf = Awaited<ReturnType<TestAuthority['issue']>>

let authority: TestAuthority
let stranger: TestAuthority
let leaves: { readonly [name in 'first' | 'second' | 'rsa' | 'client' | 'other' | 'untrusted']: Leaf }
let upstream: Server
let envoy: RunningProxy | undefined
let weft: RunningProxy | undefined

/** What the client sees of a handshake and of the first bytes behind it. */
interface Handshake {
  /** Empty when it failed or nothing came. */
  readonly said: string
  readonly protocol: string
  readonly alpn: string
  readonly names: string
}

function inline(leaf: Leaf): JsonObject {
  return {
    certificate_chain: { inline_string: leaf.certificateChain },
    private_key: { inline_string: leaf.privateKey },
  }
}

function uriMatch(value: string): JsonObject {
  return { san_type: 'URI', matcher: { exact: value } }
}

const clientUri = 'spiffe://test/ns/a/sa/client'

/** Contexts by the name of their listener. */
function contexts(): Readonly<Record<string, JsonObject>> {
  const first = { tls_certificates: [inline(leaves.first)] }
  const validation = { trusted_ca: { inline_string: authority.bundle } }
  const named = { ...validation, match_typed_subject_alt_names: [uriMatch(clientUri)] }
  return {
    plain: { common_tls_context: first },
    alpn: { common_tls_context: { ...first, alpn_protocols: ['h2', 'http/1.1'] } },
    'two certificates': { common_tls_context: { tls_certificates: [inline(leaves.first), inline(leaves.second)] } },
    'RSA, then ECDSA': { common_tls_context: { tls_certificates: [inline(leaves.rsa), inline(leaves.second)] } },
    'ECDSA, then RSA': { common_tls_context: { tls_certificates: [inline(leaves.second), inline(leaves.rsa)] } },
    'TLS 1.2': {
      common_tls_context: {
        ...first,
        tls_params: {
          tls_maximum_protocol_version: 'TLSv1_2',
          cipher_suites: ['ECDHE-ECDSA-AES128-GCM-SHA256'],
        },
      },
    },
    'TLS 1.3': { common_tls_context: { ...first, tls_params: { tls_minimum_protocol_version: 'TLSv1_3' } } },
    mutual: {
      require_client_certificate: true,
      common_tls_context: { ...first, validation_context: validation },
    },
    'mutual by name': {
      require_client_certificate: true,
      common_tls_context: { ...first, validation_context: named },
    },
    'certificate wished': { common_tls_context: { ...first, validation_context: validation } },
    'name wished': { common_tls_context: { ...first, validation_context: named } },
  }
}

const listenerCount = 11

function bootstrap(admin: AdminAddress): JsonObject {
  const socket = (port: number, address = '127.0.0.1'): JsonObject => ({
    socket_address: { address, port_value: port },
  })
  const { port } = upstream.address() as AddressInfo
  const proxy = { '@type': `${type}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'tls', cluster: 'up' }
  return {
    node: { id: 'tls', cluster: 'tls' },
    admin: { address: socket(admin.port, admin.host) },
    static_resources: {
      clusters: [
        {
          name: 'up',
          connect_timeout: '2s',
          load_assignment: {
            cluster_name: 'up',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }],
          },
        },
      ],
      listeners: Object.entries(contexts()).map(([name, context]) => ({
        name,
        address: socket(0),
        filter_chains: [
          {
            filters: [{ name: 'tcp', typed_config: proxy }],
            transport_socket: {
              name: 'tls',
              typed_config: { '@type': `${type}.transport_sockets.tls.v3.DownstreamTlsContext`, ...context },
            },
          },
        ],
      })),
    },
  }
}

function shake(port: number, options: ConnectionOptions): Promise<Handshake> {
  const { promise, resolve } = Promise.withResolvers<Handshake>()
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, timeout: 3000, ...options })
  let said = ''
  const finish = (): void => {
    const through = said !== ''
    resolve({
      said,
      protocol: through ? (socket.getProtocol() ?? '') : '',
      alpn: through ? socket.alpnProtocol || '' : '',
      names: through ? (socket.getPeerX509Certificate()?.subjectAltName ?? '') : '',
    })
    socket.destroy()
  }
  socket.on('data', (bytes) => {
    said = bytes.toString()
    finish()
  })
  socket.on('error', finish)
  socket.on('timeout', finish)
  socket.on('close', finish)
  return promise
}

beforeAll(async () => {
  if (skipped) return
  authority = await createTestAuthority('tls')
  stranger = await createTestAuthority('stranger')
  leaves = {
    first: await authority.issue({ dnsNames: ['first.test', '*.wild.test'] }),
    second: await authority.issue({ dnsNames: ['second.test', 'a.wild.test'] }),
    rsa: await authority.issue({ dnsNames: ['rsa.test', 'second.test'], rsa: true }),
    client: await authority.issue({ uris: [clientUri] }),
    other: await authority.issue({ uris: ['spiffe://test/ns/a/sa/other'] }),
    untrusted: await stranger.issue({ uris: [clientUri] }),
  }
  upstream = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end('hello')
  })
  await new Promise<void>((listening) => upstream.listen(0, '127.0.0.1', listening))
  ;[envoy, weft] = await Promise.all([startEnvoy(bootstrap, listenerCount), startWeft(bootstrap, listenerCount)])
}, limitMs)

afterAll(async () => {
  await Promise.all([envoy?.[Symbol.asyncDispose](), weft?.[Symbol.asyncDispose]()])
  upstream?.close()
}, limitMs)

type MakeOptions = () => ConnectionOptions

/** A client that takes RSA certificates only. */
const onlyRsa: ConnectionOptions = { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }

const identity = (name: 'client' | 'other' | 'untrusted'): MakeOptions => {
  return () => ({ cert: leaves[name].certificateChain, key: leaves[name].privateKey })
}

const cases: readonly (readonly [title: string, listener: string, options: MakeOptions, served: boolean])[] = [
  ['no more than TLS', 'plain', () => ({}), true],
  ['protocols that nobody asks for', 'plain', () => ({ ALPNProtocols: ['h2'] }), true],
  ['both protocols', 'alpn', () => ({ ALPNProtocols: ['http/1.1', 'h2'] }), true],
  ['the second protocol', 'alpn', () => ({ ALPNProtocols: ['spdy/1', 'http/1.1'] }), true],
  ['another protocol', 'alpn', () => ({ ALPNProtocols: ['spdy/1'] }), true],
  ['no protocol', 'alpn', () => ({}), true],
  ['the first name', 'two certificates', () => ({ servername: 'first.test' }), true],
  ['the second name', 'two certificates', () => ({ servername: 'second.test' }), true],
  ['a name by wildcard', 'two certificates', () => ({ servername: 'b.wild.test' }), true],
  ['a name before its wildcard', 'two certificates', () => ({ servername: 'a.wild.test' }), true],
  ['an unknown name', 'two certificates', () => ({ servername: 'other.test' }), true],
  ['no name', 'two certificates', () => ({}), true],
  ...['RSA, then ECDSA', 'ECDSA, then RSA'].flatMap((listener): typeof cases => [
    [`a name of both, ${listener}`, listener, () => ({ servername: 'second.test' }), true],
    [`a name of one, ${listener}`, listener, () => ({ servername: 'rsa.test' }), true],
    [`an unknown name, ${listener}`, listener, () => ({ servername: 'other.test' }), true],
    [`no name, ${listener}`, listener, () => ({}), true],
    [`a name of both without ECDSA, ${listener}`, listener, () => ({ servername: 'second.test', ...onlyRsa }), true],
    [`no name without ECDSA, ${listener}`, listener, () => onlyRsa, true],
  ]),
  ['TLS 1.2 at most', 'TLS 1.2', () => ({}), true],
  ['TLS 1.3 at least where there is 1.2', 'TLS 1.2', () => ({ minVersion: 'TLSv1.3' }), false],
  ['another suite', 'TLS 1.2', () => ({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }), false],
  ['TLS 1.2 where there is 1.3', 'TLS 1.3', () => ({ maxVersion: 'TLSv1.2' }), false],
  ['no certificate', 'mutual', () => ({}), false],
  ['a certificate', 'mutual', identity('client'), true],
  ['an untrusted certificate', 'mutual', identity('untrusted'), false],
  ['the certificate by name', 'mutual by name', identity('client'), true],
  ['a certificate of another name', 'mutual by name', identity('other'), false],
  ['no certificate where one is wished', 'certificate wished', () => ({}), true],
  ['a certificate where one is wished', 'certificate wished', identity('client'), true],
  ['an untrusted certificate where one is wished', 'certificate wished', identity('untrusted'), false],
  ['another certificate where one is wished', 'certificate wished', identity('other'), true],
  ['no certificate where a name is wished', 'name wished', () => ({}), false],
  ['the certificate where a name is wished', 'name wished', identity('client'), true],
  ['another certificate where a name is wished', 'name wished', identity('other'), false],
]

const reason = skipped ? ' (left out: there is no envoy on the PATH)' : ''

describe.skipIf(skipped)(`weft proxy ends TLS as Envoy does${reason}`, () => {
  test.each(cases)('%s', async (_title, listener, options, served) => {
    const [theirs, ours] = await Promise.all([envoy, weft].map((proxy) => shake(proxy?.port(listener) ?? 0, options())))
    expect(ours).toEqual(theirs ?? { said: 'nothing', protocol: '', alpn: '', names: '' })
    expect(ours?.said).toBe(served ? 'hello' : '')
  })
})
