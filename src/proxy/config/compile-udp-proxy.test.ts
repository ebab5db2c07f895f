import { expect, test } from 'bun:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'

import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { anyTypes } from './any-types.ts'
import { compileListener } from './compile-listener.ts'
import type { UdpProxyConfig } from './udp-proxy-config.ts'

const type = 'type.googleapis.com/envoy.extensions.filters.udp'
const route = `{ name: route, typed_config: { "@type": ${type}.udp_proxy.v3.Route, cluster: c } }`
const filter = 'listener_filters[0].typed_config'

/** A UDP listener with a UDP proxy, whose fields are given as flow YAML. */
function listener(fields: string, more = ''): string {
  return `
name: u
address: { socket_address: { protocol: UDP, address: 127.0.0.1, port_value: 5000 } }
listener_filters: [ { name: udp, typed_config: { "@type": ${type}.udp_proxy.v3.UdpProxyConfig, ${fields} } } ]
${more}
`
}

function compile(yaml: string): ReturnType<typeof compileListener> {
  const json: JsonObject = parse(yaml)
  return compileListener(fromJson(ListenerSchema, json, { registry: anyTypes }))
}

function faultPaths(yaml: string): readonly string[] {
  const result = compile(yaml)
  return result.ok ? [] : result.error.map((fault) => fault.path)
}

function udpOf(yaml: string): UdpProxyConfig | undefined {
  const result = compile(yaml)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  expect(result.value).toMatchObject({ protocol: 'udp', dns: undefined, port: 5000 })
  return result.value.udp
}

test('compileListener() compiles a UDP proxy with Envoy’s defaults', () => {
  expect(udpOf(listener('stat_prefix: s, cluster: c'))).toEqual({
    statPrefix: 's',
    cluster: 'c',
    idleTimeoutMs: 60_000,
    hashPolicy: undefined,
    usePerPacketLoadBalancing: false,
    maxReceivedBytes: 1500,
    maxUpstreamReceivedBytes: 65_535,
    accessLogs: [],
  })
})

test('compileListener() compiles every field of a UDP proxy that it takes', () => {
  const log = `{ name: f, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null } }`
  const fields = `stat_prefix: s, matcher: { on_no_match: { action: ${route} } }, idle_timeout: 3s, hash_policies: [ { source_ip: true } ],
    use_per_packet_load_balancing: true, upstream_socket_config: { max_rx_datagram_size: 9000, prefer_gro: false }, access_log: [ ${log} ]`
  const more = 'udp_listener_config: { downstream_socket_config: { max_rx_datagram_size: 4000, prefer_gro: true } }'
  expect(udpOf(listener(fields, more))).toMatchObject({
    cluster: 'c',
    idleTimeoutMs: 3000,
    hashPolicy: { kind: 'source-ip' },
    usePerPacketLoadBalancing: true,
    maxReceivedBytes: 4000,
    maxUpstreamReceivedBytes: 9000,
    accessLogs: [{ path: '/dev/null' }],
  })
  expect(udpOf(listener('stat_prefix: s, cluster: c, hash_policies: [ { key: k } ]'))?.hashPolicy).toEqual({
    kind: 'key',
    key: 'k',
  })
})

test.each([
  ['use_original_src_ip: true', 'use_original_src_ip'],
  ['proxy_access_log: [ { name: x } ]', 'proxy_access_log'],
  ['session_filters: [ { name: x } ]', 'session_filters'],
  ['tunneling_config: { proxy_host: h, target_host: t, default_target_port: 1 }', 'tunneling_config'],
  ['access_log_options: { access_log_flush_interval: 1s }', 'access_log_options'],
  ['idle_timeout: 0s', 'idle_timeout'],
  ['hash_policies: [ { source_ip: true }, { key: k } ]', 'hash_policies[1]'],
  ['hash_policies: [ {} ]', 'hash_policies[0]'],
  ['hash_policies: [ { key: "" } ]', 'hash_policies[0].key'],
  ['upstream_socket_config: { max_rx_datagram_size: 0 }', 'upstream_socket_config.max_rx_datagram_size'],
])('compileListener() refuses %s in a UDP proxy', (field, path) => {
  expect(faultPaths(listener(`stat_prefix: s, cluster: c, ${field}`))).toEqual([`${filter}.${path}`])
})

test.each([
  ['matcher: { matcher_list: { matchers: [] } }', 'matcher.matcher_list'],
  [
    `matcher: { on_no_match: { action: { name: r, typed_config: { "@type": ${type}.dns_filter.v3.DnsFilterConfig } } } }`,
    'matcher.on_no_match.action.typed_config',
  ],
  ['matcher: { on_no_match: { matcher: {} } }', 'matcher.on_no_match.matcher'],
])('compileListener() refuses the matcher %s', (field, path) => {
  expect(faultPaths(listener(`stat_prefix: s, ${field}`))).toContain(`${filter}.${path}`)
})

test('compileListener() refuses a UDP listener without a filter, with two, or with filter chains', () => {
  const proxy = `{ name: udp, typed_config: { "@type": ${type}.udp_proxy.v3.UdpProxyConfig, stat_prefix: s, cluster: c } }`
  const at = (filters: string, protocol = 'UDP', more = '') =>
    faultPaths(
      `{ name: u, address: { socket_address: { protocol: ${protocol}, address: 127.0.0.1 } }, listener_filters: [ ${filters} ] ${more} }`,
    )
  expect(at('')).toEqual(['listener_filters'])
  expect(at(`${proxy}, ${proxy}`)).toEqual(['listener_filters[1].typed_config'])
  expect(at(proxy, 'TCP')).toContain('listener_filters')
  expect(at(proxy, 'UDP', ', filter_chains: [ {} ]')).toContain('filter_chains')
  expect(at(proxy, 'UDP', ', udp_listener_config: { quic_options: {} }')).toEqual(['udp_listener_config.quic_options'])
})
