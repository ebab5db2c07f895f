import type { Service } from '../../../model/index.ts'
import { type EndpointFact, meshClusterId, selectEndpoints } from '../../select/index.ts'
import type { ClusterPolicy } from '../cluster-policy.ts'

const noLabels: ReadonlyMap<string, string> = new Map()

/** Where the endpoints of a cluster come from. */
export const discoveryPolicy: ClusterPolicy = {
  name: 'discovery',
  apply(plan, { view, service, port, subset, policy }) {
    const labels = subset?.labels ?? noLabels
    const endpoints = selectEndpoints(view.index, service, port, labels)
    if (policy?.loadBalancer === 'passthrough') {
      plan.discovery = 'original-dst'
      return
    }
    if (service.resolution === 'endpoints') {
      plan.discovery = 'eds'
      plan.endpoints = endpoints
      return
    }
    plan.discovery = service.resolution === 'dns' ? 'strict-dns' : 'logical-dns'
    const target = typeof port.targetPort === 'number' ? port.targetPort : port.number
    const resolved = endpoints.length > 0 || labels.size > 0 ? endpoints : [hostItself(service, target)]
    // A logical DNS cluster has exactly one name to resolve (Envoy's rule).
    plan.endpoints = plan.discovery === 'logical-dns' ? resolved.slice(0, 1) : resolved
  },
}

function hostItself(service: Service, port: number): EndpointFact {
  const { host, name, namespace } = service
  return {
    address: host,
    port,
    weight: 1,
    draining: false,
    meshed: false,
    workload: `${name};${namespace};${name};latest;${meshClusterId}`,
  }
}
