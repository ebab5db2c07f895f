/**
 * `weft proxy` on its own with a bootstrap: a port that is told nothing of its protocol, the PROXY protocol with HAProxy before and
 * behind it, and TLS sessions that openssl resumes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@bufbuild/protobuf'

import { createTestAuthority } from '../../src/net/certificates.fixture.ts'
import { type RunningProxy, startWeft } from '../differential/http/proxies.ts'
import { freePort } from '../harness/free-port.ts'

const limitMs = 30_000
const type = 'type.googleapis.com/envoy.extensions'
const has = (program: string): boolean => Bun.which(program) !== null

let folder = ''
let weft: RunningProxy
let opaque: Server
let named: Server
let http: ReturnType<typeof Bun.serve>
let haproxy: { readonly pid: number; readonly front: number; readonly stop: () => Promise<void> } | undefined

function socket(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}

function inspector(name: string, message: string): JsonObject {
  return {
    name: `envoy.filters.listener.${name}`,
    typed_config: { '@type': `${type}.filters.listener.${name}.v3.${message}` },
  }
}

function tcpFilter(cluster: string): JsonObject {
  const config = { '@type': `${type}.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: 'tcp', cluster }
  return { name: 'tcp', typed_config: config }
}

function httpFilter(): JsonObject {
  const format = { text_format: '%DOWNSTREAM_REMOTE_ADDRESS% %RESPONSE_CODE%\n' }
  const log = {
    '@type': `${type}.access_loggers.file.v3.FileAccessLog`,
    path: join(folder, 'access.log'),
    log_format: format,
  }
  return {
    name: 'http',
    typed_config: {
      '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'http',
      use_remote_address: true,
      access_log: [{ name: 'file', typed_config: log }],
      route_config: {
        name: 'all',
        virtual_hosts: [
          { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'http' } }] },
        ],
      },
      http_filters: [{ name: 'router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } }],
    },
  }
}

function cluster(name: string, port: number, fields: JsonObject = {}): JsonObject {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }]
  return { name, connect_timeout: '2s', load_assignment: { cluster_name: name, endpoints }, ...fields }
}

function tlsSocket(): JsonObject {
  const certificate = {
    certificate_chain: { filename: join(folder, 'cert.pem') },
    private_key: { filename: join(folder, 'key.pem') },
  }
  const context = {
    '@type': `${type}.transport_sockets.tls.v3.DownstreamTlsContext`,
    common_tls_context: { tls_certificates: [certificate] },
  }
  return { name: 'tls', typed_config: context }
}

function proxySocket(): JsonObject {
  const config = {
    '@type': `${type}.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
    config: { version: 'V2' },
    transport_socket: { name: 'raw', typed_config: { '@type': `${type}.transport_sockets.raw_buffer.v3.RawBuffer` } },
  }
  return { name: 'proxy', typed_config: config }
}

function listeners(): JsonObject[] {
  return [
    {
      name: 'undeclared',
      address: socket(0),
      listener_filters: [inspector('tls_inspector', 'TlsInspector'), inspector('http_inspector', 'HttpInspector')],
      listener_filters_timeout: '0.1s',
      continue_on_listener_filters_timeout: true,
      filter_chains: [
        { filter_chain_match: { server_names: ['through.test'] }, filters: [tcpFilter('named')] },
        { filter_chain_match: { transport_protocol: 'tls' }, transport_socket: tlsSocket(), filters: [httpFilter()] },
        { filter_chain_match: { application_protocols: ['http/1.0', 'http/1.1', 'h2c'] }, filters: [httpFilter()] },
      ],
      default_filter_chain: { filters: [tcpFilter('opaque')] },
    },
    {
      name: 'behind',
      address: socket(0),
      listener_filters: [inspector('proxy_protocol', 'ProxyProtocol')],
      filter_chains: [{ filters: [httpFilter()] }],
    },
    { name: 'before', address: socket(0), filter_chains: [{ filters: [tcpFilter('haproxy')] }] },
    {
      name: 'tls',
      address: socket(0),
      filter_chains: [{ transport_socket: tlsSocket(), filters: [tcpFilter('opaque')] }],
    },
  ]
}

/** HAProxy with a frontend that sends the header to Weft, and one that wants it from Weft. */
async function startHaproxy(accepting: number): Promise<typeof haproxy> {
  const front = await freePort()
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend to_weft
  bind 127.0.0.1:${front}
  default_backend weft
backend weft
  server weft 127.0.0.1:${weft.port('behind')} send-proxy-v2
frontend from_weft
  bind 127.0.0.1:${accepting} accept-proxy
  http-request return status 200 content-type text/plain lf-string "told %[src]:%[src_port]"
`,
  )
  const child = Bun.spawn(['haproxy', '-db', '-f', file], { stdout: 'ignore', stderr: 'ignore' })
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await child.exited
  }
  for (const end = performance.now() + 5000; performance.now() < end; await Bun.sleep(20))
    if ((await fetch(`http://127.0.0.1:${front}/`).catch(() => undefined)) !== undefined) break
  return { pid: child.pid, front, stop }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

async function run(command: readonly string[], input = ''): Promise<string> {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stdout: 'pipe', stderr: 'pipe', timeout: 10_000 })
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return stdout + stderr
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-first-bytes-'))
  const authority = await createTestAuthority()
  const { certificateChain: cert, privateKey: key } = await authority.issue({
    dnsNames: ['ended.test', 'through.test'],
  })
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key)
  writeFileSync(join(folder, 'ca.pem'), authority.bundle)
  opaque = createServer((client) => {
    client.write('220 ready\n')
    client.on('data', () => client.end())
    client.on('error', () => undefined)
  })
  named = createTlsServer({ cert, key }, (client) => {
    client.once('data', () => client.end('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nthrough'))
  })
  http = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => new Response(`for ${request.headers.get('x-forwarded-for')}`),
  })
  const accepting = await freePort()
  const [opaquePort, namedPort] = await Promise.all([listen(opaque), listen(named)])
  weft = await startWeft(
    (admin) => ({
      node: { id: 'first-bytes', cluster: 'first-bytes' },
      admin: { address: { socket_address: { address: admin.host, port_value: admin.port } } },
      static_resources: {
        listeners: listeners(),
        clusters: [
          cluster('opaque', opaquePort),
          cluster('named', namedPort),
          cluster('http', http.port ?? 0),
          cluster('haproxy', accepting, { transport_socket: proxySocket() }),
        ],
      },
    }),
    4,
  )
  if (has('haproxy')) haproxy = await startHaproxy(accepting)
}, limitMs)

afterAll(async () => {
  await haproxy?.stop()
  await weft?.[Symbol.asyncDispose]()
  await http?.stop(true)
  opaque?.close()
  named?.close()
  if (folder !== '') rmSync(folder, { recursive: true })
}, limitMs)

describe.skipIf(!has('curl'))('a port whose protocol is not declared', () => {
  const curl = (scheme: string, host: string, options: readonly string[]): Promise<string> => {
    const port = weft.port('undeclared')
    const place = ['--resolve', `${host}:${port}:127.0.0.1`, '--cacert', join(folder, 'ca.pem')]
    return run(['curl', '-sS', ...place, ...options, '-w', ' over %{http_version}', `${scheme}://${host}:${port}/`])
  }

  test.each([
    ['HTTP/1.1', 'http', 'any.test', [], 'for 127.0.0.1 over 1.1'],
    ['HTTP/1.0', 'http', 'any.test', ['--http1.0'], 'for 127.0.0.1 over 1.'],
    ['HTTP/2', 'http', 'any.test', ['--http2-prior-knowledge'], 'for 127.0.0.1 over 2'],
    ['TLS that ends there', 'https', 'ended.test', [], 'for 127.0.0.1 over 1.1'],
    ['TLS that goes through by its name', 'https', 'through.test', [], 'through over 1.1'],
  ])('takes %s', async (_title, scheme, host, options, expected) => {
    expect(await curl(scheme, host, options)).toStartWith(expected)
  })

  test('and one whose server speaks first', async () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const client = await Bun.connect({
      hostname: '127.0.0.1',
      port: weft.port('undeclared'),
      socket: {
        data: (_socket, bytes) => resolve(bytes.toString()),
        close: () => reject(new Error('closed')),
      },
    })
    expect(await promise).toBe('220 ready\n')
    client.end()
  })
})

test.skipIf(!has('curl'))('curl --haproxy-protocol is told apart from who sends it', async () => {
  const url = `http://127.0.0.1:${weft.port('behind')}/`
  expect(await run(['curl', '-sS', '--haproxy-protocol', url])).toBe('for 127.0.0.1')
  // Without a header nobody is served.
  expect(await run(['curl', '-sS', url])).toContain('curl: (')
})

/** Asks from a port of our choice; another test may take it first, and then another one is tried. */
async function askFromKnownPort(url: string): Promise<{ readonly port: number; readonly answer: string }> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort()
    const answer = await run(['curl', '-sS', '--local-port', String(port), url])
    if (tries === 10 || !answer.includes('bind failed')) return { port, answer }
  }
}

describe.skipIf(!has('haproxy') || !has('curl'))('HAProxy', () => {
  test('before Weft tells who its client is, and the access log says it', async () => {
    const { port, answer } = await askFromKnownPort(`http://127.0.0.1:${haproxy?.front}/`)
    expect(answer).toBe('for 127.0.0.1')
    const wanted = `127.0.0.1:${port} 200`
    for (const end = performance.now() + 5000; performance.now() < end; await Bun.sleep(20))
      if (readFileSync(join(folder, 'access.log'), 'utf8').includes(wanted)) break
    expect(readFileSync(join(folder, 'access.log'), 'utf8')).toContain(wanted)
  })

  test('behind Weft is told who the client is', async () => {
    const { port, answer } = await askFromKnownPort(`http://127.0.0.1:${weft.port('before')}/`)
    expect(answer).toBe(`told 127.0.0.1:${port}`)
  })
})

describe.skipIf(!has('openssl'))('openssl resumes its session', () => {
  test('of TLS 1.2 five times in a row', async () => {
    const address = `127.0.0.1:${weft.port('tls')}`
    const text = await run(['openssl', 's_client', '-tls1_2', '-reconnect', '-connect', address], 'Q\n')
    expect(text.match(/^Reused, /gm)?.length).toBe(5)
  })

  test.each(['-tls1_2', '-tls1_3'])('with %s by its ticket', async (version) => {
    const address = `127.0.0.1:${weft.port('tls')}`
    const file = join(folder, `session${version}.pem`)
    const client = ['openssl', 's_client', version, '-connect', address, '-ign_eof']
    expect(await run([...client, '-sess_out', file], 'bye\n')).toContain('New, TLSv1')
    expect(await run([...client, '-sess_in', file], 'bye\n')).toContain('Reused, TLSv1')
  })
})
