import { readBootstrap } from '../src/proxy/config/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const texts = [
  `node: { id: p1, cluster: weft, metadata: { NAME: reviews } }
admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 15000 } }
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services: [ { envoy_grpc: { cluster_name: xds-grpc } } ]
  cds_config: { ads: {}, resource_api_version: V3 }
  lds_config: { ads: {}, resource_api_version: V3 }
static_resources:
  clusters:
  - name: xds-grpc
    type: STRICT_DNS
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    load_assignment:
      cluster_name: xds-grpc
      endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: localhost, port_value: 15012 } } } } ] } ]
  secrets:
  - name: ROOTCA
    validation_context: { trusted_ca: { filename: /ca.pem } }
`,
  `static_resources:
  listeners:
  - name: tcp
    address: { socket_address: { address: 127.0.0.1, port_value: 9000 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: plain
  clusters:
  - { name: plain, type: STATIC, connect_timeout: 0.25s }
`,
  '{"node":{"id":"a","cluster":"b"},"static_resources":{}}',
]

/** The reader of bootstrap files. */
export const bootstrap: FuzzTarget = {
  name: 'bootstrap',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    '{}',
    '[]',
    'null',
    '"@type": ',
    '&a ',
    '*a',
    '<<: *a',
    '!!int ',
    '-1',
    '1e999',
    '.nan',
    '4294967296',
    '10s',
    '"',
    '__proto__',
    'type: EDS',
    'type: ORIGINAL_DST',
    'filename: /x',
    'inline_string: x',
    'address:',
    'admin:',
    'node:',
    '\n---\n',
    '\n  ',
  ],
  run(input) {
    const text = input.toString('utf8')
    const result = readBootstrap(text, { readFile: () => 'PEM' })
    if (result.ok)
      return `ok ${result.value.staticClusters.length} ${result.value.staticListeners.length} ${text.length >> 4}`
    expectThat(result.error.length > 0, 'refused without a fault')
    expectThat(result.error.length <= text.length + 8, `${result.error.length} faults in ${text.length} characters`)
    for (const { message } of result.error) expectThat(message !== '', 'a fault without words')
    return result.error
      .map(({ path, message }) => `${path} ${message.slice(0, 16)}`)
      .join()
      .slice(0, 200)
  },
}

if (import.meta.main) await fuzzFromCommandLine(bootstrap)
