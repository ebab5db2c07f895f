/** Stateful sessions through real Envoy and through Weft: each takes the sessions that the other has made. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { JsonObject } from '@bufbuild/protobuf'
import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from './proxies.ts'

const limitMs = 30_000
const type = 'type.googleapis.com/envoy.extensions'
const filterName = 'envoy.filters.http.stateful_session'

function cookieState(fields: JsonObject): JsonObject {
  const config = { '@type': `${type}.http.stateful_session.cookie.v3.CookieBasedSessionState`, cookie: fields }
  return { session_state: { name: 'envoy.http.stateful_session.cookie', typed_config: config } }
}

const headerState: JsonObject = {
  session_state: {
    name: 'envoy.http.stateful_session.header',
    typed_config: { '@type': `${type}.http.stateful_session.header.v3.HeaderBasedSessionState`, name: 'x-session' },
  },
}

const sessions: Readonly<Record<string, JsonObject>> = {
  session: cookieState({ name: 'sid' }),
  'with time': cookieState({ name: 'sid', ttl: '90s', path: '/' }),
  'below a path': cookieState({ name: 'sid', path: '/shop' }),
  header: headerState,
  strict: { ...cookieState({ name: 'sid' }), strict: true },
}

function socket(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}

function listener(name: string, state: JsonObject): JsonObject {
  const off = { '@type': `${type}.filters.http.stateful_session.v3.StatefulSessionPerRoute`, disabled: true }
  const manager: JsonObject = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    codec_type: 'HTTP1',
    stat_prefix: 'session',
    route_config: {
      name,
      virtual_hosts: [
        {
          name,
          domains: ['*'],
          routes: [
            { match: { prefix: '/off' }, route: { cluster: 'up' }, typed_per_filter_config: { [filterName]: off } },
            { match: { prefix: '/' }, route: { cluster: 'up' } },
          ],
        },
      ],
    },
    http_filters: [
      {
        name: filterName,
        typed_config: { '@type': `${type}.filters.http.stateful_session.v3.StatefulSession`, ...state },
      },
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } },
    ],
  }
  return {
    name,
    address: socket(0),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  }
}

function bootstrap(admin: AdminAddress, ports: readonly number[]): JsonObject {
  return {
    node: { id: 'session', cluster: 'session' },
    admin: { address: { socket_address: { address: admin.host, port_value: admin.port } } },
    static_resources: {
      clusters: [
        {
          name: 'up',
          type: 'STATIC',
          connect_timeout: '2s',
          load_assignment: {
            cluster_name: 'up',
            endpoints: [
              {
                lb_endpoints: ports.map((port, index) => ({
                  endpoint: { address: socket(port) },
                  health_status: index === 0 ? 'UNHEALTHY' : 'HEALTHY',
                })),
              },
            ],
          },
        },
      ],
      listeners: Object.entries(sessions).map(([name, state]) => listener(name, state)),
    },
  }
}

interface Answer {
  readonly status: number
  readonly host: string
  readonly cookie: string
  readonly header: string
}

describe.skipIf(envoyBinary === null)('stateful sessions', () => {
  let upstreams: readonly Bun.Server<undefined>[] = []
  let ports: readonly number[] = []
  let proxies: readonly RunningProxy[] = []

  beforeAll(async () => {
    upstreams = Array.from({ length: 5 }, () =>
      Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (_, server) => new Response(String(server.port)) }),
    )
    ports = upstreams.map((upstream) => upstream.port ?? 0)
    const count = Object.keys(sessions).length
    proxies = await Promise.all([
      startEnvoy((admin) => bootstrap(admin, ports), count),
      startWeft((admin) => bootstrap(admin, ports), count),
    ])
  }, limitMs)

  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()))
    await Promise.all(upstreams.map((upstream) => upstream.stop(true)))
  })

  async function ask(proxy: RunningProxy, name: string, path: string, headers: Record<string, string> = {}) {
    const response = await fetch(`http://127.0.0.1:${proxy.port(name)}${path}`, { headers })
    const host = await response.text()
    const cookie = response.headers.getSetCookie().join('\n')
    return { status: response.status, host, cookie, header: response.headers.get('x-session') ?? '' } satisfies Answer
  }

  const shape = (cookie: string): string => cookie.replace(/"[^"]*"/, 'VALUE')
  const cookieOf = (answer: Answer): Record<string, string> => ({ cookie: answer.cookie.split(';')[0] ?? '' })

  test.each(['session', 'with time', 'strict'])(
    'a client is given the endpoint’s cookie and keeps to it through both: %s',
    async (name) => {
      const firsts = await Promise.all(proxies.map((proxy) => ask(proxy, name, '/')))
      expect(shape(firsts[1]?.cookie ?? '')).toBe(shape(firsts[0]?.cookie ?? 'none'))
      for (const first of firsts) {
        expect(first.cookie).toContain('HttpOnly')
        for (const proxy of proxies) {
          for (let turn = 0; turn < 6; turn += 1)
            expect(await ask(proxy, name, '/', cookieOf(first))).toEqual({ ...first, cookie: '' })
        }
      }
    },
  )

  test('a header names the endpoint, and is answered when it is not the one that served', async () => {
    for (const maker of proxies) {
      const first = await ask(maker, 'header', '/')
      expect(Buffer.from(first.header, 'base64').toString()).toBe(`127.0.0.1:${first.host}`)
      for (const proxy of proxies) {
        for (let turn = 0; turn < 6; turn += 1)
          expect(await ask(proxy, 'header', '/', { 'x-session': first.header })).toEqual({ ...first, header: '' })
      }
    }
  })

  test.each(['/', '/shopping', '/off'])('a request for %s has no part in sessions below /shop', async (path) => {
    for (const proxy of proxies) expect((await ask(proxy, 'below a path', path)).cookie).toBe('')
  })

  test.each(['/shop', '/shop/a'])('a request for %s has part in sessions below /shop', async (path) => {
    for (const proxy of proxies)
      expect(shape((await ask(proxy, 'below a path', path)).cookie)).toBe('sid=VALUE; Path=/shop; HttpOnly')
  })

  test.each([
    ['sick', (port: number) => `127.0.0.1:${port}`],
    ['not of the cluster', () => '127.0.0.1:9'],
    ['nonsense', () => 'x'],
  ])('an endpoint that is %s is left for another, or for none when strict', async (_title, authorityOf) => {
    const authority = authorityOf(ports[0] ?? 0)
    const value = Buffer.from([0x0a, authority.length, ...Buffer.from(authority)]).toString('base64')
    for (const proxy of proxies) {
      const answer = await ask(proxy, 'session', '/', { cookie: `sid="${value}"` })
      expect(answer.status).toBe(200)
      expect(answer.cookie).toContain('sid=')
      expect(answer.host).not.toBe(String(ports[0]))
      expect((await ask(proxy, 'strict', '/', { cookie: `sid="${value}"` })).status).toBe(503)
    }
  })

  test('a cookie with the address alone, as older Envoys made it, counts', async () => {
    const authority = `127.0.0.1:${ports[2]}`
    const cookie = `sid=${Buffer.from(authority).toString('base64')}`
    for (const proxy of proxies) {
      for (let turn = 0; turn < 5; turn += 1)
        expect(await ask(proxy, 'session', '/', { cookie })).toMatchObject({ host: String(ports[2]), cookie: '' })
    }
  })

  test('a cookie past its time counts for nothing, one before it does', async () => {
    const authority = `127.0.0.1:${ports[3]}`
    // 1 and 2^40 - 1 seconds since 1970.
    const made = [[1], [255, 255, 255, 255, 255, 31]].map((expires) =>
      Buffer.from([0x0a, authority.length, ...Buffer.from(authority), 0x10, ...expires]).toString('base64'),
    )
    for (const proxy of proxies) {
      expect((await ask(proxy, 'strict', '/', { cookie: `sid=${made[0]}` })).cookie).toContain('sid=')
      for (let turn = 0; turn < 5; turn += 1)
        expect(await ask(proxy, 'strict', '/', { cookie: `sid=${made[1]}` })).toMatchObject({ cookie: '' })
    }
  })

  test.each(['!!', ''])('a cookie of %p is none', async (value) => {
    for (const proxy of proxies) {
      const answer = await ask(proxy, 'strict', '/', { cookie: `sid=${value}` })
      expect([answer.status, shape(answer.cookie)]).toEqual([200, 'sid=VALUE; HttpOnly'])
    }
  })
})
