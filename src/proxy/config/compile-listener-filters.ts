import type { ListenerFilter } from '../../xds/generated/envoy/config/listener/v3/listener_components_pb.ts'
import type { Listener } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { ProxyProtocolConfig_Version } from '../../xds/generated/envoy/config/core/v3/proxy_protocol_pb.ts'
import { HttpInspectorSchema } from '../../xds/generated/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts'
import { OriginalDstSchema } from '../../xds/generated/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts'
import {
  ProxyProtocolSchema,
  type ProxyProtocol,
} from '../../xds/generated/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts'
import { TlsInspectorSchema } from '../../xds/generated/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts'
import { DnsFilterConfigSchema } from '../../xds/generated/envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.ts'
import { UdpProxyConfigSchema } from '../../xds/generated/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.ts'
import { unpackAny } from './any-types.ts'
import type { CompileContext } from './compile-context.ts'
import { compileDns } from './compile-dns.ts'
import { compileUdpProxy } from './compile-udp-proxy.ts'
import type { DnsTable, ListenerInspector } from './listener-config.ts'
import type { UdpProxyConfig } from './udp-proxy-config.ts'

/** Listener filters, compiled. */
export interface ListenerFilters {
  readonly originalDestination: boolean
  readonly inspectors: readonly ListenerInspector[]
  readonly dns: DnsTable | undefined
  readonly udp: UdpProxyConfig | undefined
}

/** Compiles the listener filters. None is added: without the TLS inspector no connection has a server name, as in Envoy. */
export function compileListenerFilters(context: CompileContext, message: Listener): ListenerFilters {
  let originalDestination = false
  let dns: DnsTable | undefined
  let udp: UdpProxyConfig | undefined
  const inspectors: ListenerInspector[] = []
  message.listenerFilters.forEach((filter, index) => {
    const at = `listener_filters[${index}].typed_config`
    const any = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined
    const table = unpackAny(any, DnsFilterConfigSchema)
    const proxy = unpackAny(any, UdpProxyConfigSchema)
    const inspector = compileInspector(filter)
    if (table !== undefined) {
      if (dns !== undefined) context.faults.add(at, 'Expected the DNS filter once')
      dns = compileDns(context, at, table)
    } else if (proxy !== undefined) {
      if (udp !== undefined) context.faults.add(at, 'Expected the UDP proxy once')
      udp = compileUdpProxy(context, at, { message: proxy, listener: message.udpListenerConfig })
    } else if (inspector !== undefined) {
      if (inspectors.some(({ kind }) => kind === inspector.kind)) context.faults.add(at, 'Expected this filter once')
      inspectors.push(inspector)
    } else if (unpackAny(any, OriginalDstSchema) !== undefined) {
      originalDestination = true
    } else {
      context.faults.add(
        at,
        'Expected an OriginalDst, TlsInspector, HttpInspector, ProxyProtocol, DnsFilterConfig or UdpProxyConfig',
      )
    }
  })
  return { originalDestination, inspectors, dns, udp }
}

function compileInspector(filter: ListenerFilter): ListenerInspector | undefined {
  const any = filter.configType.case === 'typedConfig' ? filter.configType.value : undefined
  if (unpackAny(any, TlsInspectorSchema) !== undefined) return { kind: 'tls' }
  if (unpackAny(any, HttpInspectorSchema) !== undefined) return { kind: 'http' }
  const proxy = unpackAny(any, ProxyProtocolSchema)
  return proxy === undefined ? undefined : compileProxyProtocol(proxy)
}

function compileProxyProtocol(message: ProxyProtocol): ListenerInspector {
  const disallowed = new Set(message.disallowedVersions)
  const versions = ([1, 2] as const).filter(
    (version) => !disallowed.has(version === 1 ? ProxyProtocolConfig_Version.V1 : ProxyProtocolConfig_Version.V2),
  )
  return { kind: 'proxy-protocol', allowWithout: message.allowRequestsWithoutProxyProtocol, versions }
}
