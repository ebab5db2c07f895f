import { describe, expect, test } from 'bun:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import type { Decision } from '../route/index.ts'
import { toRequestView } from '../route/index.ts'
import { anyTypes } from './any-types.ts'
import { compileListener } from './compile-listener.ts'
import type { HttpManagerConfig } from './listener-config.ts'

const type = 'type.googleapis.com/envoy.extensions'
const filterName = 'envoy.filters.http.stateful_session'
const cookieType = `${type}.http.stateful_session.cookie.v3.CookieBasedSessionState`
const cookie = `session_state: { name: s, typed_config: { "@type": ${cookieType}, cookie: { name: sid, path: /a, ttl: 90s } } }`
const header = `session_state: { name: s, typed_config: { "@type": ${type}.http.stateful_session.header.v3.HeaderBasedSessionState, name: X-Session } }`

function compile(filter: string, options: { readonly name?: string; readonly perRoute?: string } = {}) {
  const perRoute =
    options.perRoute === undefined
      ? ''
      : `, typed_per_filter_config: { ${filterName}: { "@type": ${type}.filters.http.stateful_session.v3.StatefulSessionPerRoute, ${options.perRoute} } }`
  const json: JsonObject = parse(`
name: l
address: { socket_address: { address: 127.0.0.1, port_value: 80 } }
filter_chains:
- filters:
  - name: hcm
    typed_config:
      "@type": ${type}.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: s
      http_filters:
      - name: ${options.name ?? filterName}
        typed_config: { "@type": ${type}.filters.http.stateful_session.v3.StatefulSession, ${filter} }
      - { name: router, typed_config: { "@type": ${type}.filters.http.router.v3.Router } }
      route_config:
        name: r
        virtual_hosts:
        - { name: v, domains: ["*"], routes: [ { match: { prefix: / }, route: { cluster: c }${perRoute} } ] }
`)
  return compileListener(fromJson(ListenerSchema, json, { registry: anyTypes }))
}

function managerOf(...args: Parameters<typeof compile>): HttpManagerConfig {
  const result = compile(...args)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  const network = result.value.filterChains[0]?.network
  if (network?.kind !== 'http') throw new Error('Expected an HTTP manager')
  return network
}

function decisionOf(manager: HttpManagerConfig): Decision {
  if (manager.routes.kind !== 'inline') throw new Error('Expected inline routes')
  const request = toRequestView({ method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: {} })
  return manager.routes.table.decide(request, () => 0)
}

describe('the stateful_session filter', () => {
  test('compiles a cookie and a header', () => {
    expect(managerOf(`${cookie}, strict: true`).statefulSession).toEqual({
      session: { kind: 'cookie', name: 'sid', path: '/a', ttlSeconds: 90, strict: true },
    })
    expect(managerOf(header).statefulSession).toEqual({
      session: { kind: 'header', name: 'x-session', strict: false },
    })
    expect(managerOf('').statefulSession).toEqual({ session: undefined })
  })

  test('a route may have a session of its own, or none', () => {
    expect(decisionOf(managerOf(cookie))).toMatchObject({ kind: 'forward', session: undefined })
    expect(decisionOf(managerOf(cookie, { perRoute: 'disabled: true' }))).toMatchObject({
      session: { session: undefined },
    })
    const own = decisionOf(managerOf('', { perRoute: `stateful_session: { ${header} }` }))
    expect(own).toMatchObject({ session: { session: { kind: 'header', name: 'x-session' } } })
  })

  const at = 'filter_chains[0].filters[0].typed_config'
  const filter = `${at}.http_filters[0]`
  const perFilter = `${at}.route_config.virtual_hosts[0].routes[0].typed_per_filter_config["${filterName}"]`
  test.each([
    [cookie, { name: 'other' }, `${filter}.name`],
    [cookie.replace('sid', 's=d'), {}, `${filter}.typed_config.session_state.typed_config.cookie.name`],
    [cookie.replace('/a', '"/a;b"'), {}, `${filter}.typed_config.session_state.typed_config.cookie.path`],
    [header.replace('X-Session', '"a b"'), {}, `${filter}.typed_config.session_state.typed_config.name`],
    [
      `session_state: { name: s, typed_config: { "@type": ${type}.filters.http.router.v3.Router } }`,
      {},
      `${filter}.typed_config.session_state.typed_config`,
    ],
    [cookie, { perRoute: 'disabled: false' }, perFilter],
  ])('is refused: %s with %j', (text, options, path) => {
    const result = compile(text, options)
    expect(result.ok ? [] : result.error.map((fault) => fault.path)).toContain(path)
  })
})
