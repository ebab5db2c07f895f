import { create } from '@bufbuild/protobuf'
import type { Init } from './init.ts'
import { HealthStatus } from '../../xds/generated/envoy/config/core/v3/health_check_pb.ts'
import type { LbEndpointSchema } from '../../xds/generated/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../xds/generated/envoy/config/endpoint/v3/endpoint_pb.ts'
import { TypeUrl, type XdsResource } from '../../xds/index.ts'
import type { ClusterPlan } from '../plan.ts'
import type { EndpointFact } from '../select/index.ts'
import { tcpAddress } from './address.ts'
import { encodeResource } from './encode.ts'

/** Writes the endpoints of an EDS cluster. */
export function emitEndpoints(plan: ClusterPlan): XdsResource {
  const message = create(ClusterLoadAssignmentSchema, loadAssignment(plan))
  return encodeResource(ClusterLoadAssignmentSchema, message, {
    typeUrl: TypeUrl.endpoints,
    name: plan.name,
    origins: plan.origin === undefined ? [] : [plan.origin],
  })
}

/** All endpoints in one locality; none at all without endpoints. */
export function loadAssignment(plan: ClusterPlan): Init<typeof ClusterLoadAssignmentSchema> {
  const lbEndpoints = plan.endpoints.map(lbEndpoint)
  return { clusterName: plan.name, endpoints: lbEndpoints.length === 0 ? [] : [{ lbEndpoints }] }
}

function lbEndpoint(fact: EndpointFact): Init<typeof LbEndpointSchema> {
  const filterMetadata = {
    ...(fact.meshed ? { 'envoy.transport_socket_match': { tlsMode: 'istio' } } : {}),
    ...(fact.workload === '' ? {} : { istio: { workload: fact.workload } }),
  }
  return {
    hostIdentifier: { case: 'endpoint', value: { address: tcpAddress(fact.address, fact.port) } },
    ...(fact.draining ? { healthStatus: HealthStatus.DRAINING } : {}),
    loadBalancingWeight: fact.weight,
    ...(Object.keys(filterMetadata).length === 0 ? {} : { metadata: { filterMetadata } }),
  }
}
