import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { TrafficDirection } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import type {
  FilterChainMatchSchema,
  FilterChainSchema,
  FilterSchema,
} from '../../xds/generated/envoy/config/listener/v3/listener_components_pb.ts'
import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import type { DnsTable_DnsVirtualDomainSchema } from '../../xds/generated/envoy/data/dns/v3/dns_table_pb.ts'
import { OriginalDstSchema } from '../../xds/generated/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts'
import { DnsFilterConfigSchema } from '../../xds/generated/envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.ts'
import { blackHoleCluster, httpProxyName, passthroughCluster, TypeUrl, type XdsResource } from '../../xds/index.ts'
import type { Origin } from '../../resources/index.ts'
import type { AddressRange, DnsPlan, InboundPlan, TcpTargetPlan, TransparentPlan, UpstreamPlan } from '../plan.ts'
import { inboundAlpn } from '../policies/tls/tls.ts'
import { tcpAddress, udpAddress } from './address.ts'
import { encodeResource } from './encode.ts'
import { extension } from './extension.ts'
import type { Init } from './init.ts'
import { originOf } from './metadata.ts'
import { inboundHttp, outboundHttp, tcpProxy } from './network-filter.ts'
import { inboundRoutes } from './route-configuration.ts'
import { downstreamTls } from './tls.ts'

type ListenerInit = Init<typeof ListenerSchema>
type ChainInit = Init<typeof FilterChainSchema>
type FilterInit = Init<typeof FilterSchema>

const loopback = '127.0.0.1'

/** Time to live of the proxy's own DNS answers, milliseconds; Envoy takes no less. */
const dnsTtlMs = 30_000

/** Writes an inbound listener: mTLS only, then HTTP or bytes to the application. */
export function emitInbound(plan: InboundPlan): XdsResource {
  const name = `inbound_${plan.port}`
  const target = { clusters: [{ name: plan.cluster.name, weight: 1 }], idleTimeoutMs: undefined, hashSourceIp: false }
  const filter =
    plan.protocol === 'tcp' ? tcpProxy(name, target) : inboundHttp(name, plan.protocol, inboundRoutes(plan))
  const transportSocket = downstreamTls(plan.trustDomainPrefix, inboundAlpn[plan.protocol === 'tcp' ? 'tcp' : 'http'])
  return encode(
    {
      name,
      address: tcpAddress(plan.address, plan.meshPort),
      trafficDirection: TrafficDirection.INBOUND,
      filterChains: [{ name, transportSocket, filters: [filter] }],
      metadata: originOf(plan.origin),
    },
    [plan.origin],
  )
}

/** Writes the outbound HTTP proxy. */
export function emitHttpProxy(port: number, origin: Origin, options: { readonly onDemand: boolean }): XdsResource {
  const filter = outboundHttp(httpProxyName, { ...options, routes: httpProxyName, connect: true })
  return encode(
    {
      name: httpProxyName,
      address: tcpAddress(loopback, port),
      trafficDirection: TrafficDirection.OUTBOUND,
      filterChains: [{ name: httpProxyName, filters: [filter] }],
      metadata: originOf(origin),
    },
    [origin],
  )
}

/** Writes an upstream on its loopback port; the routes of one that carries HTTP have the listener's name. */
export function emitUpstream(plan: UpstreamPlan): XdsResource {
  const { name, carries } = plan
  const filter =
    carries.kind === 'tcp'
      ? tcpProxy(name, carries.target)
      : outboundHttp(name, { routes: name, onDemand: false, connect: false })
  return encode(
    {
      name,
      address: tcpAddress(loopback, plan.loopbackPort),
      trafficDirection: TrafficDirection.OUTBOUND,
      filterChains: [{ name, filters: [filter] }],
      metadata: originOf(plan.origin),
    },
    [plan.origin],
  )
}

/**
 * Writes the listener of intercepted connections. Envoy looks at the destination port first and, once a port has chains
 * of its own, never at those without: so the HTTP chain is repeated for each such port, without the addresses that have another chain for it.
 */
export function emitTransparent(
  plan: TransparentPlan,
  origin: Origin,
  options: { readonly onDemand: boolean },
): XdsResource {
  const filter = outboundHttp('outbound_transparent', { ...options, routes: httpProxyName, connect: false })
  const http = (name: string, port: number | undefined): readonly ChainInit[] => {
    const taken = new Set(plan.tcp.filter((each) => each.port === port).map((each) => rangeText(each.range)))
    const ranges = plan.httpRanges.filter((range) => !taken.has(rangeText(range)))
    return ranges.length === 0 ? [] : [chain(name, ranges, { port, filter })]
  }
  const tcp = plan.tcp.map((each) =>
    chain(each.name, [each.range], { port: each.port, filter: tcpProxy(each.name, each.target) }),
  )
  const ports = [...new Set([...plan.tcp.map((each) => each.port), plan.port])].toSorted((a, b) => a - b)
  const httpChains = [
    ...http('outbound_http', undefined),
    ...ports.flatMap((port) => http(`outbound_http_${port}`, port)),
  ]
  return encode(
    {
      name: 'outbound_transparent',
      address: tcpAddress(loopback, plan.port),
      trafficDirection: TrafficDirection.OUTBOUND,
      listenerFilters: [extension('envoy.filters.listener.original_dst', OriginalDstSchema, {})],
      filterChains: [selfChain(plan.port), ...httpChains, ...tcp],
      defaultFilterChain: {
        name: passthroughCluster,
        filters: [tcpProxy(passthroughCluster, only(passthroughCluster))],
      },
      metadata: originOf(origin),
    },
    [origin],
  )
}

/** A connection that was not redirected has this listener as its destination: passing it through would never end. */
function selfChain(port: number): ChainInit {
  const filter = tcpProxy(blackHoleCluster, only(blackHoleCluster))
  return chain(blackHoleCluster, [{ address: loopback, length: 32 }], { port, filter })
}

function rangeText({ address, length }: AddressRange): string {
  return `${address}/${length}`
}

function only(name: string): TcpTargetPlan {
  return { clusters: [{ name, weight: 1 }], idleTimeoutMs: undefined, hashSourceIp: false }
}

function chain(
  name: string,
  ranges: readonly AddressRange[],
  options: { readonly port: number | undefined; readonly filter: FilterInit },
): ChainInit {
  const filterChainMatch: Init<typeof FilterChainMatchSchema> = {
    prefixRanges: ranges.map((range) => ({ addressPrefix: range.address, prefixLen: range.length })),
    ...(options.port === undefined ? {} : { destinationPort: options.port }),
  }
  return { name, filterChainMatch, filters: [options.filter] }
}

/** Writes the DNS listener: names of the mesh from the table, others from the machine's resolvers. */
export function emitDns(plan: DnsPlan, origin: Origin): XdsResource {
  const filter = extension('envoy.filters.udp.dns_filter', DnsFilterConfigSchema, {
    statPrefix: 'dns',
    clientConfig: { maxPendingLookups: 256n },
    serverConfig: { configSource: { case: 'inlineDnsTable', value: { virtualDomains: plan.names.map(dnsName) } } },
  })
  return encode(
    { name: 'dns', address: udpAddress(loopback, plan.port), listenerFilters: [filter], metadata: originOf(origin) },
    [origin],
  )
}

function dnsName(entry: DnsPlan['names'][number]): Init<typeof DnsTable_DnsVirtualDomainSchema> {
  return {
    name: entry.name,
    answerTtl: durationFromMs(dnsTtlMs),
    endpoint: { endpointConfig: { case: 'addressList', value: { address: [...entry.addresses] } } },
  }
}

function encode(init: ListenerInit, origins: readonly Origin[]): XdsResource {
  const message = create(ListenerSchema, init)
  return encodeResource(ListenerSchema, message, { typeUrl: TypeUrl.listener, name: message.name, origins })
}
