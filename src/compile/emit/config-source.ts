import type { Init } from './init.ts'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  type ConfigSourceSchema,
} from '../../xds/generated/envoy/config/core/v3/config_source_pb.ts'
import { sdsClusterName } from '../../xds/index.ts'

/** Over the aggregated stream that the resource itself came by. */
export function adsSource(): Init<typeof ConfigSourceSchema> {
  return { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: 'ads', value: {} } }
}

/** Secrets: the bootstrap's own cluster, waited for without limit, since no traffic may pass without them. */
export function sdsSource(): Init<typeof ConfigSourceSchema> {
  return {
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: durationFromMs(0),
    configSourceSpecifier: {
      case: 'apiConfigSource',
      value: {
        apiType: ApiConfigSource_ApiType.GRPC,
        transportApiVersion: ApiVersion.V3,
        setNodeOnFirstMessageOnly: true,
        grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: sdsClusterName } } }],
      },
    },
  }
}
