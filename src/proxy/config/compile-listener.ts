import type { Any } from '@bufbuild/protobuf/wkt'

import type { Result } from '../../base/index.ts'
import { TrafficDirection } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import type {
  FilterChain as FilterChainMessage,
  FilterChainMatch as FilterChainMatchMessage,
} from '../../xds/generated/envoy/config/listener/v3/listener_components_pb.ts'
import { ListenerSchema, type Listener } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { OriginalDstSchema } from '../../xds/generated/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts'
import { HttpConnectionManagerSchema } from '../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { TcpProxySchema } from '../../xds/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { UdpProxyConfigSchema } from '../../xds/generated/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.ts'
import { DnsFilterConfigSchema } from '../../xds/generated/envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.ts'
import { addressValue, isIpAddress, isIpv6Address } from './address-values.ts'
import { unpackAny } from './any-types.ts'
import { compileAccessLogs } from './compile-access-log.ts'
import { createCompileContext, type CompileContext, type CompileOptions } from './compile-context.ts'
import { compileConnectionLimit } from './compile-connection-limit.ts'
import { compileDns } from './compile-dns.ts'
import { compileHttpManager } from './compile-http-manager.ts'
import { compileTcpProxy } from './compile-tcp-proxy.ts'
import { compileServerTransport } from './compile-tls.ts'
import { compileUdpProxy } from './compile-udp-proxy.ts'
import { fieldPath } from './fault-list.ts'
import type { FieldFault } from './field-fault.ts'
import { boundedInteger, requiredText } from './field-values.ts'
import type { DnsTable, FilterChain, FilterChainMatch, ListenerConfig } from './listener-config.ts'
import { checkSupport } from './support-check.ts'
import { supportedFields } from './supported-fields.ts'
import type { UdpProxyConfig } from './udp-proxy-config.ts'

/** Compiles a `Listener`. */
export function compileListener(
  message: Listener,
  options?: CompileOptions,
): Result<ListenerConfig, readonly FieldFault[]> {
  const context = createCompileContext(options)
  checkSupport(ListenerSchema, message, { table: supportedFields, faults: context.faults })
  const { address, port, protocol } = addressValue(context, 'address', { value: message.address, kinds: 'ip' })
  const filters = listenerFilters(context, message)
  const chains = message.filterChains.map((chain, index) => compileChain(context, `filter_chains[${index}]`, chain))
  const fallback = message.defaultFilterChain
  if (protocol === 'udp') checkUdp(context, message, filters)
  else if (filters.dns !== undefined || filters.udp !== undefined)
    context.faults.add('listener_filters', 'Expected the DNS filter and the UDP proxy with protocol UDP')
  else if (chains.length === 0 && fallback === undefined) context.faults.add('filter_chains', 'Expected a filter chain')
  checkDistinct(context, chains)
  return context.faults.finish({
    name: requiredText(context, 'name', message.name),
    address,
    port,
    protocol,
    direction: directions.get(message.trafficDirection) ?? 'unspecified',
    originalDestination: filters.originalDestination,
    filterChains: chains,
    defaultFilterChain: fallback === undefined ? undefined : compileChain(context, 'default_filter_chain', fallback),
    dns: filters.dns,
    udp: filters.udp,
    accessLogs: compileAccessLogs(context, 'access_log', message.accessLog),
    socketKey: `${protocol}|${address}|${port}`,
  })
}

const directions: ReadonlyMap<TrafficDirection, ListenerConfig['direction']> = new Map([
  [TrafficDirection.INBOUND, 'inbound'],
  [TrafficDirection.OUTBOUND, 'outbound'],
  [TrafficDirection.UNSPECIFIED, 'unspecified'],
])

interface ListenerFilters {
  readonly originalDestination: boolean
  readonly dns: DnsTable | undefined
  readonly udp: UdpProxyConfig | undefined
}

function listenerFilters(context: CompileContext, message: Listener): ListenerFilters {
  let originalDestination = false
  let dns: DnsTable | undefined
  let udp: UdpProxyConfig | undefined
  message.listenerFilters.forEach((filter, index) => {
    const at = `listener_filters[${index}].typed_config`
    const any = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined
    const table = unpackAny(any, DnsFilterConfigSchema)
    const proxy = unpackAny(any, UdpProxyConfigSchema)
    if (table !== undefined) {
      if (dns !== undefined) context.faults.add(at, 'Expected the DNS filter once')
      dns = compileDns(context, at, table)
    } else if (proxy !== undefined) {
      if (udp !== undefined) context.faults.add(at, 'Expected the UDP proxy once')
      udp = compileUdpProxy(context, at, { message: proxy, listener: message.udpListenerConfig })
    } else if (unpackAny(any, OriginalDstSchema) !== undefined) {
      originalDestination = true
    } else {
      context.faults.add(at, 'Expected an OriginalDst, a DnsFilterConfig or a UdpProxyConfig')
    }
  })
  return { originalDestination, dns, udp }
}

/** A UDP listener answers DNS or forwards datagrams. */
function checkUdp(context: CompileContext, message: Listener, filters: ListenerFilters): void {
  const { dns, udp, originalDestination } = filters
  if ((dns === undefined) === (udp === undefined))
    context.faults.add('listener_filters', 'Expected the DNS filter or the UDP proxy with protocol UDP')
  if (originalDestination) context.faults.add('listener_filters', 'Expected no OriginalDst with protocol UDP')
  if (dns !== undefined && message.udpListenerConfig?.downstreamSocketConfig?.maxRxDatagramSize !== undefined)
    context.faults.add(
      'udp_listener_config.downstream_socket_config.max_rx_datagram_size',
      'A bound of datagrams for the DNS filter is not implemented by this proxy',
    )
  if (message.filterChains.length > 0) context.faults.add('filter_chains', 'Expected none with protocol UDP')
  if (message.defaultFilterChain !== undefined) {
    context.faults.add('default_filter_chain', 'Expected none with protocol UDP')
  }
}

function compileChain(context: CompileContext, path: string, chain: FilterChainMessage): FilterChain {
  const at = fieldPath(path, 'filters')
  const connectionLimit = compileConnectionLimit(context, at, chain.filters[0])
  return {
    ...(connectionLimit === undefined ? {} : { connectionLimit }),
    name: chain.name,
    match: compileMatch(context, fieldPath(path, 'filter_chain_match'), chain.filterChainMatch),
    tls: compileServerTransport(context, fieldPath(path, 'transport_socket'), chain.transportSocket),
    network: compileNetwork(context, at, chain, connectionLimit === undefined ? 0 : 1),
  }
}

function compileMatch(
  context: CompileContext,
  path: string,
  match: FilterChainMatchMessage | undefined,
): FilterChainMatch {
  const port = match?.destinationPort
  const field = { value: port, absent: 0, min: 1, max: 65_535 }
  boundedInteger(context, fieldPath(path, 'destination_port'), field)
  return {
    destinationPort: port,
    destinationPrefixes: (match?.prefixRanges ?? []).map((range, index) => {
      const at = `${path}.prefix_ranges[${index}]`
      const address = range.addressPrefix
      if (!isIpAddress(address)) {
        context.faults.add(`${at}.address_prefix`, `Expected an IP address, got ${JSON.stringify(address)}`)
      }
      // An absent length is 0 in Envoy, which matches every address: a slip more often than a wish, but its meaning.
      const longest = isIpv6Address(address) ? 128 : 32
      const length = { value: range.prefixLen, absent: 0, min: 0, max: longest }
      return { address, length: boundedInteger(context, `${at}.prefix_len`, length) }
    }),
  }
}

/** The last filter handles the connection to its end; before it stands at most a connection limit. */
function compileNetwork(
  context: CompileContext,
  path: string,
  chain: FilterChainMessage,
  last: number,
): FilterChain['network'] {
  if (chain.filters.length > last + 1) {
    context.faults.add(
      `${path}[${last + 1}]`,
      'Expected one filter, with at most a connection limit before it: other chains of network filters are not implemented by this proxy',
    )
  }
  const config = chain.filters[last]?.configType
  const any: Any | undefined = config?.case === 'typedConfig' ? config.value : undefined
  const at = `${path}[${last}].typed_config`
  const http = unpackAny(any, HttpConnectionManagerSchema)
  if (http !== undefined) return compileHttpManager(context, at, http)
  const tcp = unpackAny(any, TcpProxySchema)
  if (tcp !== undefined) return compileTcpProxy(context, at, tcp)
  context.faults.add(chain.filters.length <= last ? path : at, 'Expected an HttpConnectionManager or a TcpProxy')
  return { kind: 'tcp', statPrefix: '', clusters: [], idleTimeoutMs: 0, maxConnectAttempts: 1, accessLogs: [] }
}

/** Two chains for the same connections: Envoy refuses them too, as one could never be chosen. */
function checkDistinct(context: CompileContext, chains: readonly FilterChain[]): void {
  const seen = new Set<string>()
  chains.forEach(({ match }, index) => {
    const prefixes = match.destinationPrefixes.map(({ address, length }) => `${address}/${length}`)
    for (const prefix of prefixes.length === 0 ? [''] : new Set(prefixes)) {
      const key = `${match.destinationPort ?? ''} ${prefix}`
      if (seen.has(key)) {
        context.faults.add(`filter_chains[${index}].filter_chain_match`, 'Matches what an earlier filter chain matches')
      }
      seen.add(key)
    }
  })
}
