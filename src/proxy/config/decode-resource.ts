import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'

import { err, ok, type Result } from '../../base/index.ts'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../xds/generated/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { VirtualHostSchema } from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../xds/generated/envoy/config/route/v3/route_pb.ts'
import { SecretSchema } from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { TypeUrl } from '../../xds/index.ts'
import type { RouteTable, VirtualHostDefinition } from '../route/index.ts'
import type { ClusterConfig, EndpointsConfig } from './cluster-config.ts'
import { compileCluster } from './compile-cluster.ts'
import type { CompileOptions } from './compile-context.ts'
import { compileEndpoints } from './compile-endpoints.ts'
import { compileListener } from './compile-listener.ts'
import { compileRouteConfiguration, compileVirtualHost } from './compile-routes.ts'
import { compileSecret } from './compile-secret.ts'
import type { FieldFault } from './field-fault.ts'
import type { ListenerConfig } from './listener-config.ts'
import type { Secret } from './tls-config.ts'

/** A resource of the wire, decoded, checked and compiled. `name` is the one inside the resource. */
export type DecodedResource =
  | { readonly kind: 'cluster'; readonly name: string; readonly cluster: ClusterConfig }
  | { readonly kind: 'endpoints'; readonly name: string; readonly endpoints: EndpointsConfig }
  | { readonly kind: 'listener'; readonly name: string; readonly listener: ListenerConfig }
  | { readonly kind: 'route'; readonly name: string; readonly table: RouteTable }
  | { readonly kind: 'virtual-host'; readonly name: string; readonly virtualHost: VirtualHostDefinition }
  | { readonly kind: 'secret'; readonly name: string; readonly secret: Secret }

/**
 * Decodes the value of a resource's `Any` and compiles it.
 *
 * @returns The compiled resource, or every fault; a fault of the resource as a whole has an empty path.
 */
export function decodeResource(
  typeUrl: string,
  bytes: Uint8Array,
  options?: CompileOptions,
): Result<DecodedResource, readonly FieldFault[]> {
  switch (typeUrl) {
    case TypeUrl.cluster:
      return decodeAs(ClusterSchema, bytes, (message) =>
        mapOk(compileCluster(message, options), (cluster) => ({ kind: 'cluster', name: cluster.name, cluster })),
      )
    case TypeUrl.endpoints:
      return decodeAs(ClusterLoadAssignmentSchema, bytes, (message) =>
        mapOk(compileEndpoints(message, options), (endpoints) => ({
          kind: 'endpoints',
          name: endpoints.clusterName,
          endpoints,
        })),
      )
    case TypeUrl.listener:
      return decodeAs(ListenerSchema, bytes, (message) =>
        mapOk(compileListener(message, options), (listener) => ({ kind: 'listener', name: listener.name, listener })),
      )
    case TypeUrl.route:
      return decodeAs(RouteConfigurationSchema, bytes, (message) =>
        mapOk(compileRouteConfiguration(message, options), (table) => ({ kind: 'route', name: table.name, table })),
      )
    case TypeUrl.virtualHost:
      return decodeAs(VirtualHostSchema, bytes, (message) =>
        mapOk(compileVirtualHost(message, options), (virtualHost) => ({
          kind: 'virtual-host',
          name: virtualHost.name,
          virtualHost,
        })),
      )
    case TypeUrl.secret:
      return decodeAs(SecretSchema, bytes, (message) =>
        mapOk(compileSecret(message, options), (secret) => ({ kind: 'secret', name: secret.name, secret })),
      )
    default:
      return err([{ path: '', message: `Resource type ${typeUrl} is not implemented by this proxy` }])
  }
}

function decodeAs<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  compile: (message: MessageShape<Desc>) => Result<DecodedResource, readonly FieldFault[]>,
): Result<DecodedResource, readonly FieldFault[]> {
  let message: MessageShape<Desc>
  try {
    message = fromBinary(schema, bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return err([{ path: '', message: `Expected an encoded ${schema.typeName}: ${reason}` }])
  }
  return compile(message)
}

function mapOk<Value>(
  result: Result<Value, readonly FieldFault[]>,
  toResource: (value: Value) => DecodedResource,
): Result<DecodedResource, readonly FieldFault[]> {
  return result.ok ? ok(toResource(result.value)) : result
}
