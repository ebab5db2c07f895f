import { describe, expect, test } from 'bun:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'

import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { anyTypes } from './any-types.ts'
import { compileListener } from './compile-listener.ts'

const type = 'type.googleapis.com/envoy.extensions.filters'

function compile(httpFilters: string, networkFilters = ''): ReturnType<typeof compileListener> {
  const router = `{ name: router, typed_config: { "@type": ${type}.http.router.v3.Router } }`
  const routes =
    'route_config: { name: r, virtual_hosts: [ { name: v, domains: ["*"], routes: [ { match: { prefix: / }, route: { cluster: c } } ] } ] }'
  const manager = `{ name: hcm, typed_config: { "@type": ${type}.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: s, ${routes}, http_filters: [ ${httpFilters} ${router} ] } }`
  const json: JsonObject = parse(`
name: l
address: { socket_address: { address: 127.0.0.1, port_value: 80 } }
filter_chains: [ { filters: [ ${networkFilters} ${manager} ] } ]
`)
  return compileListener(fromJson(ListenerSchema, json, { registry: anyTypes }))
}

function rbac(rules: string): string {
  return `{ name: authz, typed_config: { "@type": ${type}.http.rbac.v3.RBAC, ${rules} } },`
}

function networkRbac(fields: string): string {
  return `{ name: authz, typed_config: { "@type": ${type}.network.rbac.v3.RBAC, ${fields} } },`
}

function policy(permission: string, principal = 'any: true'): string {
  return `rules: { policies: { p: { permissions: [ { ${permission} } ], principals: [ { ${principal} } ] } } }`
}

function faults(result: ReturnType<typeof compile>): readonly string[] {
  return result.ok ? [] : result.error.map(({ path }) => path)
}

const at = 'filter_chains[0].filters[0].typed_config.http_filters[0].typed_config'
const rules = `${at}.rules.policies["p"]`

test('compileListener() keeps HTTP filters in their order', () => {
  const fault = `{ name: envoy.filters.http.fault, typed_config: { "@type": ${type}.http.fault.v3.HTTPFault } },`
  const result = compile(rbac(policy('any: true')) + fault + rbac(`rules_stat_prefix: 'a.b_', ${policy('any: true')}`))
  expect(result.ok).toBe(true)
  const network = result.ok ? result.value.filterChains[0]?.network : undefined
  const filters = network?.kind === 'http' ? network.filters : []
  expect(filters.map(({ kind }) => kind)).toEqual(['rbac', 'fault', 'rbac'])
  expect(filters[2]).toMatchObject({ name: 'authz', config: { statPrefix: 'a.b_' } })
})

test('compileListener() takes RBAC filters before the last network filter', () => {
  const result = compile('', networkRbac(`stat_prefix: tcp., ${policy('destination_port: 80')}`))
  const chain = result.ok ? result.value.filterChains[0] : undefined
  expect(chain?.rbac?.map(({ statPrefix }) => statPrefix)).toEqual(['tcp'])
  expect(chain?.network.kind).toBe('http')
})

describe('refused with the path of the field', () => {
  test.each([
    ['rules: { action: LOG }', `${at}.rules.action`],
    ['rules: { policies: { p: {} } }', `${rules}.permissions`],
    ['rules: { audit_logging_options: {} }', `${at}.rules.audit_logging_options`],
    ['matcher: {}', `${at}.matcher`],
    ['track_per_rule_stats: true', `${at}.track_per_rule_stats`],
    [policy('and_rules: {}'), `${rules}.permissions[0].and_rules`],
    [policy('any: false'), `${rules}.permissions[0].any`],
    [policy(''), `${rules}.permissions[0]`],
    [policy('metadata: { filter: f }'), `${rules}.permissions[0].metadata`],
    [policy('destination_ip: { address_prefix: x }'), `${rules}.permissions[0].destination_ip.address_prefix`],
    [
      policy('destination_ip: { address_prefix: 1.2.3.4, prefix_len: 33 }'),
      `${rules}.permissions[0].destination_ip.prefix_len`,
    ],
    [policy('destination_port: 65536'), `${rules}.permissions[0].destination_port`],
    [policy('destination_port_range: { start: 9, end: 9 }'), `${rules}.permissions[0].destination_port_range`],
    [policy('url_path: {}'), `${rules}.permissions[0].url_path.path`],
    [
      policy('url_path: { path: { safe_regex: { regex: "(" } } }'),
      `${rules}.permissions[0].url_path.path.safe_regex.regex`,
    ],
    [policy('url_path: { path: { safe_regex: { regex: "é" } } }'), `${rules}.permissions[0].url_path.path`],
    [policy('header: { string_match: { exact: a } }'), `${rules}.permissions[0].header.name`],
    [policy('any: true', 'filter_state: { key: k }'), `${rules}.principals[0].filter_state`],
    [
      policy('any: true', 'authenticated: { principal_name: { exact: cluster.local/x } }'),
      `${rules}.principals[0].authenticated.principal_name`,
    ],
    [policy('any: true', 'not_id: { or_ids: { ids: [ {} ] } }'), `${rules}.principals[0].not_id.or_ids.ids[0]`],
    [
      'rules: { policies: { p: { permissions: [ { any: true } ], principals: [ { any: true } ], condition: {} } } }',
      `${rules}.condition`,
    ],
  ])('{ %s } at %s', (fields, path) => {
    expect(faults(compile(rbac(fields)))).toContain(path)
  })

  test('a rule on requests in a network filter', () => {
    const found = faults(
      compile('', networkRbac(`stat_prefix: t, ${policy('header: { name: a, string_match: { exact: a } }')}`)),
    )
    expect(found).toEqual(['filter_chains[0].filters[0].typed_config.rules.policies["p"].permissions[0].header'])
  })

  test('a network filter that does not end the chain', () => {
    expect(faults(compile('', '{ name: x },'))).toContain('filter_chains[0].filters[1]')
  })
})
