import type { Any } from '@bufbuild/protobuf/wkt'

import type { Result } from '../../base/index.ts'
import { TrafficDirection } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import type { FilterChain as FilterChainMessage } from '../../xds/generated/envoy/config/listener/v3/listener_components_pb.ts'
import { ListenerSchema, type Listener } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { HttpConnectionManagerSchema } from '../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { TcpProxySchema } from '../../xds/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { addressValue } from './address-values.ts'
import { unpackAny } from './any-types.ts'
import { compileAccessLogs } from './compile-access-log.ts'
import { createCompileContext, type CompileContext, type CompileOptions } from './compile-context.ts'
import { checkDistinctMatches, compileFilterChainMatch } from './compile-filter-chain-match.ts'
import { compileConnectionLimit } from './compile-connection-limit.ts'
import { compileNetworkRbac } from './compile-rbac.ts'
import { compileHttpManager } from './compile-http-manager.ts'
import { compileListenerFilters, type ListenerFilters } from './compile-listener-filters.ts'
import { compileTcpProxy } from './compile-tcp-proxy.ts'
import { compileServerTransport } from './compile-tls.ts'
import { fieldPath } from './fault-list.ts'
import type { FieldFault } from './field-fault.ts'
import { durationMs, requiredText } from './field-values.ts'
import type { FilterChain, ListenerConfig, NetworkRbacConfig } from './listener-config.ts'
import { checkSupport } from './support-check.ts'
import { supportedFields } from './supported-fields.ts'

/** Compiles a `Listener`. */
export function compileListener(
  message: Listener,
  options?: CompileOptions,
): Result<ListenerConfig, readonly FieldFault[]> {
  const context = createCompileContext(options)
  checkSupport(ListenerSchema, message, { table: supportedFields, faults: context.faults })
  const { address, port, protocol } = addressValue(context, 'address', { value: message.address, kinds: 'ip' })
  const chains = message.filterChains.map((chain, index) => compileChain(context, `filter_chains[${index}]`, chain))
  const filters = compileListenerFilters(context, message)
  const fallback = message.defaultFilterChain
  if (protocol === 'udp') checkUdp(context, message, filters)
  else if (filters.dns !== undefined || filters.udp !== undefined)
    context.faults.add('listener_filters', 'Expected the DNS filter and the UDP proxy with protocol UDP')
  else if (chains.length === 0 && fallback === undefined) context.faults.add('filter_chains', 'Expected a filter chain')
  checkDistinctMatches(context, chains)
  return context.faults.finish({
    name: requiredText(context, 'name', message.name),
    address,
    port,
    protocol,
    direction: directions.get(message.trafficDirection) ?? 'unspecified',
    originalDestination: filters.originalDestination,
    inspectors: filters.inspectors,
    inspectionTimeoutMs: durationMs(context, 'listener_filters_timeout', {
      value: message.listenerFiltersTimeout,
      absent: 15_000,
    }),
    continueOnInspectionTimeout: message.continueOnListenerFiltersTimeout,
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

/** A UDP listener answers DNS or forwards datagrams. */
function checkUdp(context: CompileContext, message: Listener, filters: ListenerFilters): void {
  const { dns, udp, originalDestination, inspectors } = filters
  if ((dns === undefined) === (udp === undefined))
    context.faults.add('listener_filters', 'Expected the DNS filter or the UDP proxy with protocol UDP')
  if (originalDestination || inspectors.length > 0)
    context.faults.add('listener_filters', 'Expected no listener filter of TCP with protocol UDP')
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
    match: compileFilterChainMatch(context, fieldPath(path, 'filter_chain_match'), chain.filterChainMatch),
    tls: compileServerTransport(context, fieldPath(path, 'transport_socket'), chain.transportSocket),
    ...compileFilters(context, at, chain, connectionLimit === undefined ? 0 : 1),
  }
}

/** RBAC filters from `first` on, and one that handles the connection to its end. */
function compileFilters(
  context: CompileContext,
  path: string,
  chain: FilterChainMessage,
  first: number,
): Pick<FilterChain, 'network' | 'rbac'> {
  const rbac: NetworkRbacConfig[] = []
  for (const [index, { configType }] of chain.filters.entries()) {
    if (index < first) continue
    const any = configType.case === 'typedConfig' ? configType.value : undefined
    const made = compileNetworkRbac(context, `${path}[${index}].typed_config`, any)
    if (made === undefined) break
    rbac.push(made)
  }
  const network = compileNetwork(context, path, chain, first + rbac.length)
  return rbac.length === 0 ? { network } : { rbac, network }
}

/** The last filter handles the connection to its end. */
function compileNetwork(
  context: CompileContext,
  path: string,
  chain: FilterChainMessage,
  last: number,
): FilterChain['network'] {
  if (chain.filters.length > last + 1) {
    context.faults.add(
      `${path}[${last + 1}]`,
      'Expected one filter, with at most a connection limit and RBAC before it: other chains of network filters are not implemented by this proxy',
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
