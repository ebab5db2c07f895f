import { describe, expect, test } from 'bun:test'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { parse } from 'yaml'

import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { anyTypes } from './any-types.ts'
import { compileListener } from './compile-listener.ts'
import { anyConnection } from './listener-config.ts'

const type = 'type.googleapis.com/envoy.extensions'
const tcp = `filters: [ { name: t, typed_config: { "@type": ${type}.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: c, max_downstream_connection_duration: 90s } } ]`

function compile(fields: string): ReturnType<typeof compileListener> {
  const json: JsonObject = parse(
    `name: l\naddress: { socket_address: { address: 127.0.0.1, port_value: 80 } }\n${fields}`,
  )
  return compileListener(fromJson(ListenerSchema, json, { registry: anyTypes }))
}

function compiled(fields: string): Extract<ReturnType<typeof compileListener>, { readonly ok: true }>['value'] {
  const result = compile(fields)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

function faultPaths(fields: string): readonly string[] {
  const result = compile(fields)
  return result.ok ? [] : result.error.map(({ path }) => path)
}

/** A chain with a TLS transport socket. */
function tls(context: string, common = ''): string {
  const certificate = '{ certificate_chain: { inline_string: a }, private_key: { inline_string: b } }'
  return `filter_chains: [ { ${tcp}, transport_socket: { name: tls, typed_config: { "@type": ${type}.transport_sockets.tls.v3.DownstreamTlsContext, ${context} common_tls_context: { tls_certificates: [ ${certificate}, ${certificate} ], ${common} } } } } ]`
}

test('compileListener() compiles every condition of a filter chain', () => {
  const { filterChains } = compiled(`
filter_chains:
- filter_chain_match:
    destination_port: 443
    prefix_ranges: [ { address_prefix: 10.0.0.0, prefix_len: 8 } ]
    server_names: [ A.example, "*.B.example" ]
    transport_protocol: tls
    application_protocols: [ h2 ]
    direct_source_prefix_ranges: [ { address_prefix: "2001:db8::", prefix_len: 32 } ]
    source_type: EXTERNAL
    source_prefix_ranges: [ { address_prefix: 192.0.2.0, prefix_len: 24 } ]
    source_ports: [ 5000, 5001 ]
  ${tcp}
- filter_chain_match: { source_type: SAME_IP_OR_LOOPBACK }
  ${tcp}
- ${tcp}
`)
  expect(filterChains.map(({ match }) => match)).toEqual([
    {
      destinationPort: 443,
      destinationPrefixes: [{ address: '10.0.0.0', length: 8 }],
      serverNames: ['a.example', '.b.example'],
      transportProtocol: 'tls',
      applicationProtocols: ['h2'],
      directSourcePrefixes: [{ address: '2001:db8::', length: 32 }],
      sourceType: 'external',
      sourcePrefixes: [{ address: '192.0.2.0', length: 24 }],
      sourcePorts: [5000, 5001],
    },
    { ...anyConnection, sourceType: 'local' },
    anyConnection,
  ])
  expect(filterChains[0]?.network).toMatchObject({ kind: 'tcp', maxDurationMs: 90_000 })
})

test('compileListener() compiles the filters that look at first bytes, in order', () => {
  const filter = (name: string, message: string, fields = ''): string =>
    `{ name: ${name}, typed_config: { "@type": ${type}.filters.listener.${name}.v3.${message}${fields} } }`
  expect(
    compiled(`
listener_filters:
- ${filter('proxy_protocol', 'ProxyProtocol', ', allow_requests_without_proxy_protocol: true, disallowed_versions: [ V1 ]')}
- ${filter('http_inspector', 'HttpInspector')}
- ${filter('tls_inspector', 'TlsInspector', ', initial_read_buffer_size: 1024')}
listener_filters_timeout: 2s
continue_on_listener_filters_timeout: true
filter_chains: [ { ${tcp} } ]
`),
  ).toMatchObject({
    inspectors: [{ kind: 'proxy-protocol', allowWithout: true, versions: [2] }, { kind: 'http' }, { kind: 'tls' }],
    inspectionTimeoutMs: 2000,
    continueOnInspectionTimeout: true,
  })
  expect(compiled(`filter_chains: [ { ${tcp} } ]`)).toMatchObject({
    inspectors: [],
    inspectionTimeoutMs: 15_000,
    continueOnInspectionTimeout: false,
  })
})

test('compileListener() compiles versions, suites and certificates of TLS', () => {
  const params =
    'tls_maximum_protocol_version: TLSv1_2, cipher_suites: [ "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-RSA-AES128-GCM-SHA256]", AES128-SHA ]'
  const [chain] = compiled(tls('', `tls_params: { ${params} }`)).filterChains
  expect(chain?.tls).toMatchObject({
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    cipherSuites: '[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-RSA-AES128-GCM-SHA256]:AES128-SHA',
    otherCertificates: [{ certificateChain: 'a', privateKey: 'b' }],
  })
})

describe('refused with the path of the field', () => {
  const transport = 'filter_chains[0].transport_socket.typed_config'
  test.each([
    [tls('session_ticket_keys: { keys: [ { inline_string: a } ] },'), `${transport}.session_ticket_keys`],
    [tls('require_sni: true,'), `${transport}.require_sni`],
    [
      tls('', 'tls_params: { tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_2 }'),
      `${transport}.common_tls_context.tls_params.tls_maximum_protocol_version`,
    ],
    [
      tls('', 'tls_params: { cipher_suites: [ TLS_AES_128_GCM_SHA256 ] }'),
      `${transport}.common_tls_context.tls_params.cipher_suites[0]`,
    ],
    [tls('', 'tls_params: { ecdh_curves: [ P-256 ] }'), `${transport}.common_tls_context.tls_params.ecdh_curves`],
    [
      `filter_chains: [ { ${tcp.replace('90s', '0s')} } ]`,
      'filter_chains[0].filters[0].typed_config.max_downstream_connection_duration',
    ],
    [
      `filter_chains: [ { filter_chain_match: { server_names: [ A, b ], source_ports: [ 1 ] }, ${tcp} }, { filter_chain_match: { server_names: [ a ], source_ports: [ 2, 1 ] }, ${tcp} } ]`,
      'filter_chains[1].filter_chain_match',
    ],
    [
      `filter_chains: [ { filter_chain_match: { server_names: [ "*" ] }, ${tcp} } ]`,
      'filter_chains[0].filter_chain_match.server_names[0]',
    ],
  ])('%s at %s', (fields, path) => {
    expect(faultPaths(fields)).toContain(path)
  })
})
