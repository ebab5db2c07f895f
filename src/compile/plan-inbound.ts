import { trustDomainPrefix } from '../identity/index.ts'
import type { Service, WorkloadPort } from '../model/index.ts'
import { inboundClusterName } from '../xds/index.ts'
import { emptyCluster } from './plan-cluster.ts'
import type { InboundPlan } from './plan.ts'
import { type ClientView, findWorkloadPort } from './select/index.ts'
import { wireProtocol } from './wire-protocol.ts'

/** The inbound listeners of a workload, one for each port that it declares. */
export function planInbound(view: ClientView, inboundAddress: string): readonly InboundPlan[] {
  const services = view.index.servicesOf(view.workload)
  for (const service of services) view.trace.hosts.add(service.host)
  return view.workload.ports.map((port) => planPort(view, { services, inboundAddress, port }))
}

function planPort(
  view: ClientView,
  input: { readonly services: readonly Service[]; readonly inboundAddress: string; readonly port: WorkloadPort },
): InboundPlan {
  const { services, inboundAddress, port } = input
  const { workload, mesh } = view
  const serving = services.flatMap((service) => {
    const found = service.ports.find((candidate) => findWorkloadPort(workload, candidate) === port)
    return found === undefined ? [] : [{ service, port: found }]
  })
  const protocol = wireProtocol(port.protocol ?? serving[0]?.port.protocol ?? 'tcp')
  const origin = serving[0]?.service.origin ?? workload.origin
  const cluster = emptyCluster({
    name: inboundClusterName(port.port),
    protocol,
    services: serving.map(({ service: { host, name, namespace } }) => ({ host, name, namespace })),
    origin,
    origins: [workload.origin],
  })
  cluster.endpoints = [applicationEndpoint(port)]
  return {
    port: port.port,
    protocol,
    address: inboundAddress,
    meshPort: port.meshPort,
    cluster,
    trustDomainPrefix: trustDomainPrefix(mesh.settings.trustDomain),
    origin,
  }
}

/** Reported without a workload: the application's own metrics are those of this proxy. */
function applicationEndpoint(port: WorkloadPort): InboundPlan['cluster']['endpoints'][number] {
  return { address: '127.0.0.1', port: port.applicationPort, weight: 1, draining: false, meshed: false, workload: '' }
}
