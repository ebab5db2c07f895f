import type { UdpSocketConfig } from '../../xds/generated/envoy/config/core/v3/udp_socket_config_pb.ts'
import type { UdpListenerConfig } from '../../xds/generated/envoy/config/listener/v3/udp_listener_config_pb.ts'
import { RouteSchema } from '../../xds/generated/envoy/extensions/filters/udp/udp_proxy/v3/route_pb.ts'
import type {
  UdpProxyConfig as UdpProxyMessage,
  UdpProxyConfig_HashPolicy,
} from '../../xds/generated/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.ts'
import type { Matcher } from '../../xds/generated/xds/type/matcher/v3/matcher_pb.ts'
import { unpackAny } from './any-types.ts'
import { compileAccessLogs } from './compile-access-log.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { durationMs, requiredText } from './field-values.ts'
import type { UdpProxyConfig } from './udp-proxy-config.ts'

/** Longest datagram that UDP can carry. */
const longestDatagram = 65_535

/** Envoy's default `max_rx_datagram_size` of listeners. */
const defaultDatagram = 1500

/** Envoy's default `idle_timeout`. */
const defaultIdleMs = 60_000

/** Compiles `envoy.filters.udp_listener.udp_proxy` with the settings of the listener's socket. */
export function compileUdpProxy(
  context: CompileContext,
  path: string,
  field: { readonly message: UdpProxyMessage; readonly listener: UdpListenerConfig | undefined },
): UdpProxyConfig {
  const { message, listener } = field
  const at = (name: string): string => fieldPath(path, name)
  const idleTimeoutMs = durationMs(context, at('idle_timeout'), { value: message.idleTimeout, absent: defaultIdleMs })
  if (idleTimeoutMs === 0) context.faults.add(at('idle_timeout'), 'Expected a duration above 0s')
  const downstream = { value: listener?.downstreamSocketConfig, absent: defaultDatagram }
  const upstream = { value: message.upstreamSocketConfig, absent: longestDatagram }
  return {
    statPrefix: requiredText(context, at('stat_prefix'), message.statPrefix),
    cluster: clusterOf(context, path, message.routeSpecifier),
    idleTimeoutMs,
    hashPolicy: hashPolicyOf(context, at('hash_policies'), message.hashPolicies),
    usePerPacketLoadBalancing: message.usePerPacketLoadBalancing,
    maxReceivedBytes: datagramBytes(context, 'udp_listener_config.downstream_socket_config', downstream),
    maxUpstreamReceivedBytes: datagramBytes(context, at('upstream_socket_config'), upstream),
    accessLogs: compileAccessLogs(context, at('access_log'), message.accessLog),
  }
}

function clusterOf(context: CompileContext, path: string, choice: UdpProxyMessage['routeSpecifier']): string {
  switch (choice.case) {
    case 'cluster':
      return requiredText(context, fieldPath(path, 'cluster'), choice.value)
    case 'matcher':
      return matchedCluster(context, fieldPath(path, 'matcher'), choice.value)
    default:
      context.faults.add(path, 'Expected cluster or matcher')
      return ''
  }
}

/** Trees and lists of matchers are refused by the support check: what is left sends everything one way. */
function matchedCluster(context: CompileContext, path: string, matcher: Matcher): string {
  const at = fieldPath(path, 'on_no_match.action.typed_config')
  const action = matcher.onNoMatch?.onMatch
  const any = action?.case === 'action' ? action.value.typedConfig : undefined
  const route = unpackAny(any, RouteSchema)
  if (route !== undefined) return requiredText(context, fieldPath(at, 'cluster'), route.cluster)
  context.faults.add(at, 'Expected a Route of the UDP proxy')
  return ''
}

function hashPolicyOf(
  context: CompileContext,
  path: string,
  messages: readonly UdpProxyConfig_HashPolicy[],
): UdpProxyConfig['hashPolicy'] {
  const [first, another] = messages
  if (another !== undefined) context.faults.add(`${path}[1]`, 'Expected one hash policy')
  if (first === undefined) return undefined
  const policy = first.policySpecifier
  switch (policy.case) {
    case 'sourceIp':
      if (!policy.value) context.faults.add(`${path}[0].source_ip`, 'Expected true')
      return { kind: 'source-ip' }
    case 'key':
      return { kind: 'key', key: requiredText(context, `${path}[0].key`, policy.value) }
    default:
      context.faults.add(`${path}[0]`, 'Expected source_ip or key')
      return undefined
  }
}

function datagramBytes(
  context: CompileContext,
  path: string,
  field: { readonly value: UdpSocketConfig | undefined; readonly absent: number },
): number {
  const bytes = field.value?.maxRxDatagramSize
  if (bytes === undefined) return field.absent
  if (bytes > 0n && bytes <= BigInt(longestDatagram)) return Number(bytes)
  context.faults.add(
    fieldPath(path, 'max_rx_datagram_size'),
    `Expected a number from 1 to ${longestDatagram}, got ${bytes}`,
  )
  return field.absent
}
