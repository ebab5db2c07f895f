import type { Metadata } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import type { TcpProxy } from '../../xds/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { compileAccessLogs } from './compile-access-log.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { boundedInteger, durationMs, requiredText } from './field-values.ts'
import type { TcpProxyConfig, TcpTarget } from './listener-config.ts'
import { subsetMatchOf } from './metadata-values.ts'

/** Compiles `envoy.filters.network.tcp_proxy`. */
export function compileTcpProxy(context: CompileContext, path: string, message: TcpProxy): TcpProxyConfig {
  const at = (field: string): string => fieldPath(path, field)
  return {
    kind: 'tcp',
    statPrefix: requiredText(context, at('stat_prefix'), message.statPrefix),
    clusters: clustersOf(context, path, message),
    idleTimeoutMs: durationMs(context, at('idle_timeout'), { value: message.idleTimeout, absent: 3_600_000 }),
    ...maxDuration(context, at('max_downstream_connection_duration'), message),
    maxConnectAttempts: boundedInteger(context, at('max_connect_attempts'), {
      value: message.maxConnectAttempts,
      absent: 1,
      min: 1,
      max: 1000,
    }),
    hashSourceIp: hashSourceIp(context, at('hash_policy'), message),
    accessLogs: compileAccessLogs(context, at('access_log'), message.accessLog),
  }
}

function maxDuration(context: CompileContext, path: string, message: TcpProxy): Pick<TcpProxyConfig, 'maxDurationMs'> {
  const maxDurationMs = durationMs(context, path, { value: message.maxDownstreamConnectionDuration, absent: undefined })
  if (maxDurationMs === 0) context.faults.add(path, 'Expected a duration above 0s')
  return maxDurationMs === undefined ? {} : { maxDurationMs }
}

function hashSourceIp(context: CompileContext, path: string, message: TcpProxy): boolean {
  const [policy, another] = message.hashPolicy
  if (another !== undefined) context.faults.add(`${path}[1]`, 'Expected one hash policy')
  const isSourceIp = policy?.policySpecifier.case === 'sourceIp'
  if (policy !== undefined && !isSourceIp) context.faults.add(`${path}[0]`, 'Expected source_ip')
  return isSourceIp
}

function subsetOf(proxy: Metadata | undefined, cluster: Metadata | undefined): Pick<TcpTarget, 'subset'> {
  const subset = subsetMatchOf(proxy, cluster)
  return subset === undefined ? {} : { subset }
}

function clustersOf(context: CompileContext, path: string, message: TcpProxy): TcpProxyConfig['clusters'] {
  const choice = message.clusterSpecifier
  switch (choice.case) {
    case 'cluster':
      return [
        {
          name: requiredText(context, fieldPath(path, 'cluster'), choice.value),
          weight: 1,
          ...subsetOf(message.metadataMatch, undefined),
        },
      ]
    case 'weightedClusters': {
      const at = fieldPath(path, 'weighted_clusters.clusters')
      if (choice.value.clusters.length === 0) context.faults.add(at, 'Expected at least one cluster')
      return choice.value.clusters.map(({ name, weight, metadataMatch }, index) => {
        if (weight < 1) context.faults.add(`${at}[${index}].weight`, 'Expected a weight of at least 1')
        return {
          name: requiredText(context, `${at}[${index}].name`, name),
          weight,
          ...subsetOf(message.metadataMatch, metadataMatch),
        }
      })
    }
    default:
      context.faults.add(path, 'Expected cluster or weighted_clusters')
      return []
  }
}
