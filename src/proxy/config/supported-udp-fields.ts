import type { FieldRule } from './supported-fields.ts'

const extensionName: FieldRule = { harmless: 'the type of typed_config decides, the name is for people' }

/** The UDP proxy and its sockets. */
export const udpFields: readonly (readonly [string, Readonly<Record<string, FieldRule>>])[] = [
  ['envoy.config.listener.v3.UdpListenerConfig', { downstream_socket_config: 'honoured' }],
  [
    'envoy.config.core.v3.UdpSocketConfig',
    {
      max_rx_datagram_size: 'honoured',
      prefer_gro: { harmless: 'an optimisation of the receive path' },
    },
  ],
  [
    'envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig',
    {
      stat_prefix: 'honoured',
      cluster: 'honoured',
      matcher: 'honoured',
      idle_timeout: 'honoured',
      hash_policies: 'honoured',
      upstream_socket_config: 'honoured',
      use_per_packet_load_balancing: 'honoured',
      access_log: 'honoured',
    },
  ],
  ['envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.HashPolicy', { source_ip: 'honoured', key: 'honoured' }],
  ['envoy.extensions.filters.udp.udp_proxy.v3.Route', { cluster: 'honoured' }],
  ['xds.type.matcher.v3.Matcher', { on_no_match: 'honoured' }],
  ['xds.type.matcher.v3.Matcher.OnMatch', { action: 'honoured' }],
  ['xds.core.v3.TypedExtensionConfig', { name: extensionName, typed_config: 'honoured' }],
]
