/** Consistent hashing of real Envoy and of Weft over the same hosts: the same key goes to the same host through both. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import type { JsonObject } from '@bufbuild/protobuf'

import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from './proxies.ts'

const limitMs = 30_000
const keys = Array.from({ length: 200 }, (_, index) => `user-${index * 7919}`)
const type = 'type.googleapis.com/envoy.extensions'
const weights = [1, 1, 3, 2, 1]

interface Hashing {
  readonly name: string
  readonly cluster: JsonObject
  readonly policies: readonly JsonObject[]
  readonly weighted?: true
}

const header: JsonObject = { header: { header_name: 'x-user' } }
const cookie: JsonObject = { cookie: { name: 'sid', path: '/shop', ttl: '90s' } }
const session: JsonObject = { cookie: { name: 'sid', ttl: '0s' } }
const query: JsonObject = { query_parameter: { name: 'user' } }
const ring: JsonObject = { lb_policy: 'RING_HASH' }

const hashings: readonly Hashing[] = [
  { name: 'ring', cluster: ring, policies: [header] },
  { name: 'ring of 5000', cluster: { ...ring, ring_hash_lb_config: { minimum_ring_size: 5000 } }, policies: [header] },
  {
    name: 'small ring',
    cluster: { ...ring, ring_hash_lb_config: { minimum_ring_size: 3, maximum_ring_size: 17 } },
    policies: [header],
    weighted: true,
  },
  { name: 'ring by weight', cluster: ring, policies: [header], weighted: true },
  { name: 'maglev', cluster: { lb_policy: 'MAGLEV' }, policies: [header] },
  {
    name: 'maglev by weight',
    cluster: { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 1009 } },
    policies: [header],
    weighted: true,
  },
  { name: 'two policies', cluster: ring, policies: [header, query] },
  { name: 'terminal', cluster: ring, policies: [{ ...header, terminal: true }, query] },
  { name: 'cookie', cluster: ring, policies: [cookie] },
  { name: 'session', cluster: ring, policies: [session] },
  { name: 'address', cluster: ring, policies: [{ connection_properties: { source_ip: true } }] },
]

function socket(port: number, address = '127.0.0.1'): JsonObject {
  return { socket_address: { address, port_value: port } }
}

function bootstrap(admin: AdminAddress, upstreams: readonly number[]): JsonObject {
  return {
    node: { id: 'hashing', cluster: 'hashing' },
    admin: { address: socket(admin.port, admin.host) },
    static_resources: {
      clusters: hashings.map(({ name, cluster, weighted }) => ({
        name,
        type: 'STATIC',
        connect_timeout: '2s',
        load_assignment: {
          cluster_name: name,
          endpoints: [
            {
              lb_endpoints: upstreams.map((port, index) => ({
                endpoint: { address: socket(port) },
                ...(weighted === true ? { load_balancing_weight: weights[index] ?? 1 } : {}),
              })),
            },
          ],
        },
        ...cluster,
      })),
      listeners: [...hashings.map(({ name, policies }) => listener(name, policies)), tcpListener()],
    },
  }
}

function listener(name: string, policies: readonly JsonObject[]): JsonObject {
  const route = { match: { prefix: '/' }, route: { cluster: name, hash_policy: [...policies] } }
  const manager: JsonObject = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    codec_type: 'HTTP1',
    stat_prefix: 'hashing',
    route_config: { name, virtual_hosts: [{ name, domains: ['*'], routes: [route] }] },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } },
    ],
  }
  return {
    name,
    address: socket(0),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  }
}

function tcpListener(): JsonObject {
  const proxy: JsonObject = {
    '@type': `${type}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'tcp',
    cluster: 'ring',
    hash_policy: [{ source_ip: {} }],
  }
  return {
    name: 'tcp',
    address: socket(0),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: proxy }] }],
  }
}

/** The answer to a request that is sent from this address. */
async function askFrom(localAddress: string, port: number): Promise<string> {
  const client = connect({ host: '127.0.0.1', port, localAddress })
  client.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const part of client) text += String(part)
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}

describe.skipIf(envoyBinary === null)('consistent hashing', () => {
  let upstreams: readonly Bun.Server<undefined>[] = []
  let envoy: RunningProxy
  let weft: RunningProxy

  beforeAll(async () => {
    upstreams = weights.map(() => Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer }))
    const ports = upstreams.map((upstream) => upstream.port ?? 0)
    ;[envoy, weft] = await Promise.all([
      startEnvoy((admin) => bootstrap(admin, ports), hashings.length + 1),
      startWeft((admin) => bootstrap(admin, ports), hashings.length + 1),
    ])
  }, limitMs)

  afterAll(async () => {
    await Promise.all([envoy?.[Symbol.asyncDispose](), weft?.[Symbol.asyncDispose]()])
    await Promise.all(upstreams.map((upstream) => upstream.stop(true)))
  })

  function answer(_request: Request, server: Bun.Server<undefined>): Response {
    return new Response(String(server.port))
  }

  async function ask(proxy: RunningProxy, name: string, path: string, headers: Readonly<Record<string, string>>) {
    const url = `http://127.0.0.1:${proxy.port(name)}${path}`
    const response = await fetch(url, { headers: { ...headers, connection: 'close' } })
    return { host: await response.text(), cookies: response.headers.getSetCookie() }
  }

  /** Which host serves each key. */
  async function hostsOf(proxy: RunningProxy, name: string): Promise<readonly string[]> {
    const hosts: string[] = []
    for (const key of keys) hosts.push((await ask(proxy, name, `/?user=${key}x`, { 'x-user': key })).host)
    return hosts
  }

  test.each([
    'ring',
    'ring of 5000',
    'small ring',
    'ring by weight',
    'maglev',
    'maglev by weight',
    'two policies',
    'terminal',
  ])(
    'a header value goes to the host that Envoy chooses: %s',
    async (name) => {
      const [one, other] = await Promise.all([hostsOf(envoy, name), hostsOf(weft, name)])
      expect(other).toEqual(one)
      expect(new Set(one).size).toBeGreaterThan(2)
    },
    limitMs,
  )

  test('a cookie goes to the host that Envoy chooses, and none is made', async () => {
    for (const key of keys.slice(0, 50)) {
      const [one, other] = await Promise.all([
        ask(envoy, 'cookie', '/', { cookie: `a=b; sid="${key}"` }),
        ask(weft, 'cookie', '/', { cookie: `a=b; sid="${key}"` }),
      ])
      expect(other).toEqual(one)
      expect(one.cookies).toEqual([])
    }
  })

  test.each(['cookie', 'session'])('a client without a cookie is given one like Envoy’s: %s', async (name) => {
    const form = (text: string) => text.replace(/"[0-9a-f]{16}"/, 'VALUE')
    const [one, other] = await Promise.all([ask(envoy, name, '/', {}), ask(weft, name, '/', {})])
    expect(other.cookies.map(form)).toEqual(one.cookies.map(form))
    expect(one.cookies.map(form)).toEqual([
      name === 'cookie' ? 'sid=VALUE; Max-Age=90; Path=/shop; HttpOnly' : 'sid=VALUE; HttpOnly',
    ])
    // What was made is the key from the first request on.
    for (const [proxy, first] of [
      [envoy, one],
      [weft, other],
    ] as const) {
      const pair = first.cookies[0]?.split(';')[0] ?? ''
      expect(await ask(proxy, name, '/', { cookie: pair })).toEqual({ host: first.host, cookies: [] })
    }
  })

  test('an address goes to the host that Envoy chooses', async () => {
    const [one, other] = await Promise.all([ask(envoy, 'address', '/', {}), ask(weft, 'address', '/', {})])
    expect(other).toEqual(one)
  })

  test('a TCP connection goes to the host that Envoy chooses for its address', async () => {
    const hosts = new Set<string>()
    for (let index = 1; index <= 40; index += 1) {
      const from = `127.0.7.${index}`
      const [one, other] = await Promise.all([askFrom(from, envoy.port('tcp')), askFrom(from, weft.port('tcp'))])
      expect(other).toBe(one)
      hosts.add(one)
    }
    expect(hosts.size).toBeGreaterThan(2)
  })
})
