import type { ConfigSource } from '../../xds/generated/envoy/config/core/v3/config_source_pb.ts'
import { sdsClusterName } from '../../xds/index.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'

/** Demands `ads: {}`: routes, endpoints and virtual hosts come over the one aggregated stream. */
export function requireAds(context: CompileContext, path: string, source: ConfigSource | undefined): void {
  const kind = source?.configSourceSpecifier.case
  if (kind === 'ads') return
  context.faults.add(path, `Expected ads, got ${kind ?? 'nothing'}: resources come over ADS only`)
}

/**
 * Secrets come by name: from the bootstrap (no source), over ADS, or from the proxy itself, which stands behind the
 * cluster `sds-grpc`.
 */
export function requireSecretSource(context: CompileContext, path: string, source: ConfigSource | undefined): void {
  if (source === undefined) return
  const specifier = source.configSourceSpecifier
  if (specifier.case === 'ads') return
  if (specifier.case !== 'apiConfigSource') {
    context.faults.add(path, `Expected ads or a gRPC source at cluster ${sdsClusterName}`)
    return
  }
  const target = specifier.value.grpcServices[0]?.targetSpecifier
  const cluster = target?.case === 'envoyGrpc' ? target.value.clusterName : ''
  if (cluster === sdsClusterName && specifier.value.grpcServices.length === 1) return
  const at = fieldPath(path, 'api_config_source.grpc_services')
  context.faults.add(
    at,
    `Expected one service, envoy_grpc with cluster ${sdsClusterName}, got ${JSON.stringify(cluster)}`,
  )
}
