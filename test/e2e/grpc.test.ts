/**
 * A gRPC client and a gRPC server with two proxies between them, which speak HTTP/2 in mutual TLS to each other; the server's lets
 * only the client's principal in.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  Client,
  credentials,
  Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { connect as connectHttp2 } from 'node:http2'
import type { JsonObject } from '@bufbuild/protobuf'

import { type AdminAddress, type RunningProxy, startWeft } from '../differential/http/proxies.ts'
import { WebTextDecoder } from '../../src/wire/grpc/index.ts'
import { createTestAuthority, type TestAuthority } from '../harness/mesh-certificates.ts'
import { waitUntil } from '../harness/wait-until.ts'

const same = (bytes: Buffer): Buffer => bytes
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
})
const service = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  spread: method('Spread', false, true),
  chat: method('Chat', true, true),
  fail: method('Fail', false, false),
  hang: method('Hang', false, true),
} satisfies ServiceDefinition

const type = 'type.googleapis.com/envoy.extensions'
const clientId = 'spiffe://cluster.local/ns/default/sa/client'
const serverId = 'spiffe://cluster.local/ns/default/sa/server'

let authority: TestAuthority
let server: Server
let proxies: RunningProxy
let client: Client
/** Streams of `hang` that the server holds. */
let hanging = 0
/** How long a call may last, as the server was told. */
let seenTimeoutMs = 0
let admin: AdminAddress = { host: '', port: 0 }

beforeAll(async () => {
  authority = await createTestAuthority()
  server = new Server()
  server.addService(service, {
    unary: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
      seenTimeoutMs = Number(call.getDeadline()) - Date.now()
      const head = new Metadata()
      head.set('x-echo', call.metadata.get('x-from')[0] ?? '')
      head.set('x-echo-bin', call.metadata.get('x-from-bin')[0] ?? Buffer.alloc(0))
      call.sendMetadata(head)
      const trailer = new Metadata()
      trailer.set('x-end', 'yes')
      reply(null, call.request, trailer)
    },
    collect: (call: ServerReadableStream<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
      const parts: Buffer[] = []
      call.on('data', (part: Buffer) => parts.push(part))
      call.on('end', () => reply(null, Buffer.concat(parts)))
    },
    spread: (call: ServerWritableStream<Buffer, Buffer>) => {
      for (const byte of call.request) call.write(Buffer.from([byte]))
      call.end()
    },
    chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (part: Buffer) => call.write(part))
      call.on('end', () => call.end())
    },
    fail: (_call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
      reply({ code: status.RESOURCE_EXHAUSTED, details: 'no more é%' })
    },
    hang: (call: ServerWritableStream<Buffer, Buffer>) => {
      hanging += 1
      call.write(Buffer.from('first'))
      call.on('cancelled', () => {
        hanging -= 1
      })
    },
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const [mine, theirs] = await Promise.all([authority.issue(clientId), authority.issue(serverId)])
  const socketPath = { address: '127.0.0.1', port_value: await freeLoopbackPort() }
  proxies = await startWeft((at) => {
    admin = at
    return bootstrap(at, { serverPort: port, between: socketPath, mine, theirs })
  }, 2)
  client = new Client(`127.0.0.1:${proxies.port('client')}`, credentials.createInsecure())
}, 30_000)

afterAll(async () => {
  client.close()
  server.forceShutdown()
  await proxies[Symbol.asyncDispose]()
  await authority[Symbol.asyncDispose]()
})

async function freeLoopbackPort(): Promise<number> {
  const { freePort } = await import('../harness/free-port.ts')
  return freePort('127.0.0.1')
}

interface Parts {
  readonly serverPort: number
  readonly between: JsonObject
  readonly mine: { readonly certificateChain: string; readonly privateKey: string }
  readonly theirs: { readonly certificateChain: string; readonly privateKey: string }
}

function bootstrap(at: AdminAddress, { serverPort, between, mine, theirs }: Parts): JsonObject {
  const tls = ({ certificateChain, privateKey }: Parts['mine'], peer: string): JsonObject => ({
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    alpn_protocols: ['h2'],
    tls_certificates: [
      { certificate_chain: { inline_string: certificateChain }, private_key: { inline_string: privateKey } },
    ],
    validation_context: {
      trusted_ca: { inline_string: authority.authority.trustBundle },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: peer } }],
    },
  })
  const stats = {
    name: 'stats',
    typed_config: { '@type': `${type}.filters.http.grpc_stats.v3.FilterConfig`, stats_for_all_methods: true },
  }
  const web = { name: 'web', typed_config: { '@type': `${type}.filters.http.grpc_web.v3.GrpcWeb` } }
  const manager = (name: string, cluster: string, filters: readonly JsonObject[]): JsonObject => ({
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    codec_type: 'AUTO',
    route_config: {
      name,
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [
            { match: { prefix: '/refused' }, direct_response: { status: 503, body: { inline_string: 'no\n' } } },
            {
              match: { prefix: '/' },
              route: { cluster, max_stream_duration: { grpc_timeout_header_max: '0s', max_stream_duration: '0s' } },
            },
          ],
        },
      ],
    },
    http_filters: [
      stats,
      web,
      ...filters,
      { name: 'router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } },
    ],
  })
  const chain = (config: JsonObject): JsonObject => ({ filters: [{ name: 'hcm', typed_config: config }] })
  const http2 = {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${type}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  }
  const cluster = (name: string, address: JsonObject, more: JsonObject): JsonObject => ({
    name,
    type: 'STATIC',
    typed_extension_protocol_options: http2,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: address } } }] }],
    },
    ...more,
  })
  const rules = {
    action: 'ALLOW',
    policies: {
      client: {
        permissions: [{ url_path: { path: { prefix: '/test.Echo/' } } }],
        principals: [{ authenticated: { principal_name: { exact: clientId } } }],
      },
    },
  }
  const rbac = {
    name: 'envoy.filters.http.rbac',
    typed_config: { '@type': `${type}.filters.http.rbac.v3.RBAC`, rules },
  }
  return {
    node: { id: 'grpc', cluster: 'grpc' },
    admin: { address: { socket_address: { address: at.host, port_value: at.port } } },
    static_resources: {
      listeners: [
        {
          name: 'client',
          traffic_direction: 'OUTBOUND',
          address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
          filter_chains: [chain(manager('client', 'other-proxy', []))],
        },
        {
          name: 'server',
          traffic_direction: 'INBOUND',
          address: { socket_address: between },
          filter_chains: [
            {
              ...chain(manager('server', 'application', [rbac])),
              transport_socket: {
                name: 'tls',
                typed_config: {
                  '@type': `${type}.transport_sockets.tls.v3.DownstreamTlsContext`,
                  require_client_certificate: true,
                  common_tls_context: tls(theirs, clientId),
                },
              },
            },
          ],
        },
      ],
      clusters: [
        cluster('other-proxy', between, {
          transport_socket: {
            name: 'tls',
            typed_config: {
              '@type': `${type}.transport_sockets.tls.v3.UpstreamTlsContext`,
              common_tls_context: tls(mine, serverId),
            },
          },
        }),
        cluster('application', { address: '127.0.0.1', port_value: serverPort }, {}),
      ],
    },
  }
}

interface Answer {
  readonly error: ServiceError | undefined
  readonly value: Buffer | undefined
  readonly head: Metadata | undefined
  readonly trailer: Metadata | undefined
}

function callUnary(path: string, request: Buffer, metadata = new Metadata(), deadlineMs = 10_000): Promise<Answer> {
  return new Promise((resolve) => {
    let head: Metadata | undefined
    let trailer: Metadata | undefined
    let answer: Pick<Answer, 'error' | 'value'> | undefined
    const settle = (): void => {
      if (answer !== undefined && trailer !== undefined) resolve({ ...answer, head, trailer })
    }
    const options = { deadline: Date.now() + deadlineMs }
    const call = client.makeUnaryRequest(path, same, same, request, metadata, options, (error, value) => {
      answer = { error: error ?? undefined, value }
      settle()
    })
    call.on('metadata', (received) => {
      head = received
    })
    call.on('status', (received) => {
      trailer = received.metadata
      settle()
    })
  })
}

function collected(stream: NodeJS.ReadableStream): Promise<readonly Buffer[]> {
  const parts: Buffer[] = []
  return new Promise((resolve, reject) => {
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('end', () => resolve(parts))
    stream.on('error', reject)
  })
}

function toFrame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

function toFrames(octets: Buffer): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < octets.length;) {
    const end = at + 5 + octets.readUInt32BE(at + 1)
    frames.push(octets.subarray(at, end))
    at = end
  }
  return frames
}

describe('gRPC through two proxies', () => {
  test('unary, with metadata both ways', async () => {
    const metadata = new Metadata()
    metadata.set('x-from', 'here')
    metadata.set('x-from-bin', Buffer.from([0, 255, 1]))
    const answer = await callUnary('/test.Echo/Unary', Buffer.from('hello'), metadata)
    expect(answer.error).toBeUndefined()
    expect(answer.value?.toString()).toBe('hello')
    expect(answer.head?.get('x-echo')).toEqual(['here'])
    expect(answer.head?.get('x-echo-bin')).toEqual([Buffer.from([0, 255, 1])])
    expect(answer.trailer?.get('x-end')).toEqual(['yes'])
    // The deadline goes the whole way, and never grows.
    expect(seenTimeoutMs).toBeGreaterThan(0)
    expect(seenTimeoutMs).toBeLessThanOrEqual(10_000)
  })

  test('a message of 3 MB', async () => {
    const large = Buffer.alloc(3_000_000, 'x')
    const { value } = await callUnary('/test.Echo/Unary', large)
    expect(value?.equals(large)).toBe(true)
  })

  test('client streaming', async () => {
    const result = new Promise<string>((resolve, reject) => {
      const call = client.makeClientStreamRequest('/test.Echo/Collect', same, same, (error, value) =>
        error === null ? resolve(String(value)) : reject(error),
      )
      for (const part of ['a', 'bc', '', 'd']) call.write(Buffer.from(part))
      call.end()
    })
    expect(await result).toBe('abcd')
  })

  test('server streaming', async () => {
    const call = client.makeServerStreamRequest('/test.Echo/Spread', same, same, Buffer.from('xyz'))
    expect(String(await collected(call))).toBe('x,y,z')
  })

  test('streaming both ways', async () => {
    const call = client.makeBidiStreamRequest('/test.Echo/Chat', same, same)
    const parts = collected(call)
    for (let index = 0; index < 50; index += 1) call.write(Buffer.from(`m${index}`))
    call.end()
    expect((await parts).length).toBe(50)
  })

  test("the server's status and message come as they are", async () => {
    const { error } = await callUnary('/test.Echo/Fail', Buffer.alloc(0))
    expect([error?.code, error?.details]).toEqual([status.RESOURCE_EXHAUSTED, 'no more é%'])
  })

  test('the proxy answers in the form of gRPC, and refuses by status', async () => {
    const direct = await callUnary('/refused', Buffer.from('x'))
    expect([direct.error?.code, direct.error?.details]).toEqual([status.UNAVAILABLE, 'no\n'])
    const denied = await callUnary('/another.Service/Get', Buffer.from('x'))
    expect([denied.error?.code, denied.error?.details]).toEqual([status.PERMISSION_DENIED, 'RBAC: access denied'])
  })

  test('a call that is cancelled ends at the server', async () => {
    const call = client.makeServerStreamRequest('/test.Echo/Hang', same, same, Buffer.alloc(0))
    const ended = new Promise<number>((resolve) => call.on('error', (error: ServiceError) => resolve(error.code)))
    await new Promise((resolve) => call.once('data', resolve))
    expect(hanging).toBe(1)
    call.cancel()
    expect(await ended).toBe(status.CANCELLED)
    await waitUntil('the server knows', () => hanging === 0)
  })

  test('a deadline ends the call at the server', async () => {
    const deadline = Date.now() + 300
    const call = client.makeServerStreamRequest('/test.Echo/Hang', same, same, Buffer.alloc(0), new Metadata(), {
      deadline,
    })
    const code = await new Promise((resolve) => {
      call.on('error', (error: ServiceError) => resolve(error.code))
      call.on('data', () => undefined)
    })
    // The client's clock and the proxies' say so at the same time.
    const expected: readonly number[] = [status.DEADLINE_EXCEEDED, status.CANCELLED, status.INTERNAL]
    expect(expected).toContain(Number(code))
    await waitUntil('the server knows', () => hanging === 0)
  })

  test.each([
    ['application/grpc-web+proto', 'application/grpc-web+proto'],
    ['application/grpc-web-text', 'application/grpc-web-text+proto'],
  ])('gRPC-Web as %s', async (accept, answered) => {
    const text = accept.includes('text')
    const ask = async (name: string, message: Buffer): Promise<{ type: string | null; frames: readonly Buffer[] }> => {
      const framed = toFrame(message)
      const answer = await fetch(`http://127.0.0.1:${proxies.port('client')}/test.Echo/${name}`, {
        method: 'POST',
        headers: { 'content-type': accept, accept, 'x-grpc-web': '1' },
        body: text ? framed.toString('base64') : framed,
      })
      expect(answer.status).toBe(200)
      const body = Buffer.from(await answer.arrayBuffer())
      const decoder = new WebTextDecoder()
      const octets = text ? (decoder.decode(body, 0, body.length) ?? Buffer.alloc(0)) : body
      return { type: answer.headers.get('content-type'), frames: toFrames(octets) }
    }
    const { type: contentType, frames } = await ask('Spread', Buffer.from('xyz'))
    expect(contentType).toBe(answered)
    expect(frames.slice(0, -1).map((frame) => frame.toString('latin1', 5))).toEqual(['x', 'y', 'z'])
    expect(frames.at(-1)?.[0]).toBe(0x80)
    expect(frames.at(-1)?.toString('latin1', 5)).toContain('grpc-status:0\r\n')
  })

  test('gRPC-Web in HTTP/2, sent octet by octet as text', async () => {
    const session = connectHttp2(`http://127.0.0.1:${proxies.port('client')}`)
    const type = 'application/grpc-web-text'
    const stream = session.request({
      ':method': 'POST',
      ':path': '/test.Echo/Unary',
      'content-type': type,
      accept: type,
    })
    for (const octet of toFrame(Buffer.from('hello')).toString('base64')) stream.write(octet)
    stream.end()
    const parts = await collected(stream)
    session.close()
    const body = Buffer.concat(parts)
    const [message, last] = toFrames(new WebTextDecoder().decode(body, 0, body.length) ?? Buffer.alloc(0))
    expect(message?.toString('latin1', 5)).toBe('hello')
    expect(last?.toString('latin1', 5)).toContain('x-end:yes\r\n')
  })

  test('gRPC-Web of a body that is no base64 is refused', async () => {
    const answer = await fetch(`http://127.0.0.1:${proxies.port('client')}/test.Echo/Unary`, {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web-text' },
      body: '!!!!',
    })
    expect([answer.status, answer.headers.get('grpc-status')]).toEqual([400, '13'])
    expect(answer.headers.get('content-type')).toBe('application/grpc-web+proto')
    expect(await answer.text()).toBe('')
  })

  test('metrics tell calls, statuses and messages', async () => {
    const response = await fetch(`http://${admin.host}:${admin.port}/stats/prometheus`)
    const lines = (await response.text()).split('\n')
    const sum = (name: string, ...labels: readonly string[]): number =>
      lines
        .filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
        .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
    for (const reporter of ['reporter="source"', 'reporter="destination"']) {
      const grpc = [reporter, 'request_protocol="grpc"']
      expect(sum('istio_requests_total', ...grpc, 'grpc_response_status="8"')).toBe(1)
      expect(sum('istio_requests_total', ...grpc, 'grpc_response_status="7"')).toBe(1)
      expect(sum('istio_requests_total', ...grpc, 'grpc_response_status="0"')).toBe(8)
      expect(sum('istio_response_messages_total', ...grpc)).toBeGreaterThanOrEqual(1 + 1 + 1 + 3 + 50)
      expect(sum('istio_request_messages_total', ...grpc)).toBeGreaterThanOrEqual(1 + 1 + 4 + 1 + 50)
    }
    expect(sum('istio_requests_total', 'request_protocol="http"')).toBe(0)
    const chat = ['envoy_cluster_name="application"', 'service="test.Echo"', 'method="Chat"']
    expect(sum('envoy_cluster_grpc_success', ...chat)).toBe(1)
    expect(sum('envoy_cluster_grpc_request_message_count', ...chat)).toBe(50)
    expect(sum('envoy_cluster_grpc_response_message_count', ...chat)).toBe(50)
    expect(sum('envoy_cluster_grpc_8', 'envoy_cluster_name="application"', 'method="Fail"')).toBe(1)
    expect(sum('envoy_cluster_grpc_failure', 'envoy_cluster_name="application"', 'method="Fail"')).toBe(1)
  })
})
