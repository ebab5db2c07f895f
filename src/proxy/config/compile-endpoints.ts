import type { Result } from '../../base/index.ts'
import {
  ClusterLoadAssignmentSchema,
  type ClusterLoadAssignment,
  type ClusterLoadAssignment_Policy,
} from '../../xds/generated/envoy/config/endpoint/v3/endpoint_pb.ts'
import type {
  Endpoint,
  LbEndpoint,
  LocalityLbEndpoints,
} from '../../xds/generated/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import { HealthStatus } from '../../xds/generated/envoy/config/core/v3/health_check_pb.ts'
import { addressValue, type AddressKinds } from './address-values.ts'
import type { EndpointConfig, EndpointPolicy, EndpointsConfig } from './cluster-config.ts'
import { createCompileContext, type CompileContext, type CompileOptions } from './compile-context.ts'
import type { FieldFault } from './field-fault.ts'
import { boundedInteger, requiredText } from './field-values.ts'
import { localityName, subsetLabelsOf, transportLabelsOf, workloadOf } from './metadata-values.ts'
import { checkSupport } from './support-check.ts'
import { supportedFields } from './supported-fields.ts'

/** Most levels of priority, as in Envoy. */
const maxPriority = 128

/** Compiles a `ClusterLoadAssignment` of EDS: IP addresses or pipes. */
export function compileEndpoints(
  message: ClusterLoadAssignment,
  options?: CompileOptions,
): Result<EndpointsConfig, readonly FieldFault[]> {
  const context = createCompileContext(options)
  checkSupport(ClusterLoadAssignmentSchema, message, { table: supportedFields, faults: context.faults })
  const clusterName = requiredText(context, 'cluster_name', message.clusterName)
  return context.faults.finish({
    clusterName,
    endpoints: endpointList(context, '', { message, kinds: 'ip-or-pipe' }),
    ...endpointPolicy(context, 'policy', message.policy),
  })
}

/** The endpoints of an assignment, in order; `kinds` says whether host names are addresses (DNS clusters). */
export function endpointList(
  context: CompileContext,
  path: string,
  assignment: { readonly message: ClusterLoadAssignment | undefined; readonly kinds: AddressKinds },
): readonly EndpointConfig[] {
  const prefix = path === '' ? '' : `${path}.`
  return (assignment.message?.endpoints ?? []).flatMap((group, outer) => {
    const at = `${prefix}endpoints[${outer}]`
    const place = placeOf(context, at, group)
    return group.lbEndpoints.map((endpoint, inner) =>
      compileEndpoint(context, `${at}.lb_endpoints[${inner}]`, { endpoint, kinds: assignment.kinds, place }),
    )
  })
}

/** `policy` of an assignment; nothing when it changes nothing. */
export function endpointPolicy(
  context: CompileContext,
  path: string,
  policy: ClusterLoadAssignment_Policy | undefined,
): { readonly policy?: EndpointPolicy } {
  if (policy === undefined) return {}
  const overprovisioningFactor = boundedInteger(context, `${path}.overprovisioning_factor`, {
    value: policy.overprovisioningFactor,
    absent: 140,
    min: 1,
    max: 1_000_000,
  })
  return { policy: { overprovisioningFactor, weightedPriorityHealth: policy.weightedPriorityHealth } }
}

type Place = Pick<EndpointConfig, 'priority' | 'locality' | 'localityWeight'>

function placeOf(context: CompileContext, path: string, group: LocalityLbEndpoints): Place {
  const { region = '', zone = '', subZone = '' } = group.locality ?? {}
  const { priority, loadBalancingWeight } = group
  boundedInteger(context, `${path}.priority`, { value: priority, absent: 0, min: 0, max: maxPriority })
  boundedInteger(context, `${path}.load_balancing_weight`, {
    value: loadBalancingWeight,
    absent: 1,
    min: 1,
    max: 0xffff_ffff,
  })
  return {
    ...(priority === 0 ? {} : { priority }),
    ...(group.locality === undefined ? {} : { locality: localityName({ region, zone, subZone }) }),
    ...(loadBalancingWeight === undefined ? {} : { localityWeight: loadBalancingWeight }),
  }
}

function compileEndpoint(
  context: CompileContext,
  path: string,
  field: { readonly endpoint: LbEndpoint; readonly kinds: AddressKinds; readonly place: Place },
): EndpointConfig {
  const { endpoint, kinds, place } = field
  const host = endpoint.hostIdentifier
  const { address, port } = addressValue(context, `${path}.endpoint.address`, {
    value: host.case === 'endpoint' ? host.value.address : undefined,
    kinds,
  })
  if (port === 0 && address !== '' && !address.startsWith('/')) {
    context.faults.add(`${path}.endpoint.address.socket_address.port_value`, 'Expected a port from 1 to 65535, got 0')
  }
  return {
    address,
    port,
    weight: boundedInteger(context, `${path}.load_balancing_weight`, {
      value: endpoint.loadBalancingWeight,
      absent: 1,
      min: 1,
      max: 0xffff_ffff,
    }),
    health: healthOf(endpoint.healthStatus),
    ...checkConfigOf(
      context,
      `${path}.endpoint.health_check_config`,
      host.case === 'endpoint' ? host.value : undefined,
    ),
    transportLabels: transportLabelsOf(endpoint.metadata),
    workload: workloadOf(endpoint.metadata),
    ...place,
    ...subsetLabelsOf(endpoint.metadata),
  }
}

function checkConfigOf(
  context: CompileContext,
  path: string,
  endpoint: Endpoint | undefined,
): Pick<EndpointConfig, 'healthCheck'> {
  const config = endpoint?.healthCheckConfig
  if (config === undefined) return {}
  const own =
    config.address === undefined
      ? undefined
      : addressValue(context, `${path}.address`, { value: config.address, kinds: 'ip' })
  if (config.portValue > 65_535) context.faults.add(`${path}.port_value`, 'Expected a port from 0 to 65535')
  // Envoy: an address of its own brings its own port.
  if (own !== undefined && config.portValue !== 0)
    context.faults.add(`${path}.port_value`, 'Expected port_value or address, not both')
  return {
    healthCheck: {
      address: own?.address ?? '',
      port: own?.port ?? config.portValue,
      hostname: config.hostname,
      disabled: config.disableActiveHealthCheck,
    },
  }
}

function healthOf(status: HealthStatus): EndpointConfig['health'] {
  switch (status) {
    case HealthStatus.DRAINING:
      return 'draining'
    case HealthStatus.UNHEALTHY:
    case HealthStatus.TIMEOUT:
      return 'unhealthy'
    case HealthStatus.DEGRADED:
      return 'degraded'
    default:
      return 'healthy'
  }
}
