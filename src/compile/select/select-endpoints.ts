import type { Service, ServicePort, StaticEndpoint, Workload, WorkloadPort } from '../../model/index.ts'
import type { MeshIndex } from './mesh-index.ts'
import { hasLabels } from './visibility.ts'

/** One place where a service port is served. */
export interface EndpointFact {
  /** IP address, DNS name, or `unix://` path. */
  readonly address: string
  readonly port: number
  /** At least 1. */
  readonly weight: number
  readonly draining: boolean
  /** Its proxy terminates mTLS. */
  readonly meshed: boolean
  /** `name;namespace;canonical service;canonical revision;cluster`, as Istio writes it. */
  readonly workload: string
}

/** Cluster id that workloads of this mesh carry in metrics. */
export const meshClusterId = 'weft'

/**
 * Endpoints of a service port whose labels include `labels`, sorted by address and port. Workloads that are starting, that
 * do not serve the port, or whose weight is 0 are left out.
 */
export function selectEndpoints(
  index: MeshIndex,
  service: Service,
  port: ServicePort,
  labels: ReadonlyMap<string, string>,
): readonly EndpointFact[] {
  const facts: EndpointFact[] = []
  for (const workload of index.workloadsOf(service)) {
    if (workload.health === 'starting' || workload.weight <= 0 || !hasLabels(workload.labels, labels)) continue
    const target = targetPort(workload, port)
    if (target === undefined) continue
    facts.push({
      address: workload.address,
      port: target,
      weight: workload.weight,
      draining: workload.health === 'draining',
      meshed: workload.meshed,
      workload: workloadText(workload.name, workload.namespace, workload.labels),
    })
  }
  for (const endpoint of service.staticEndpoints) {
    if (endpoint.weight > 0 && hasLabels(endpoint.labels, labels)) facts.push(staticFact(service, port, endpoint))
  }
  return facts.toSorted(byAddress)
}

/** The workload port that a service port leads to: by number, or by the name of the target or of the service port. */
export function findWorkloadPort(workload: Workload, port: ServicePort): WorkloadPort | undefined {
  const { targetPort: target } = port
  if (typeof target === 'string') return workload.ports.find((candidate) => candidate.name === target)
  return (
    workload.ports.find((candidate) => candidate.port === target) ??
    // A WorkloadEntry maps the service port's name to a number of its own.
    (workload.meshed ? undefined : workload.ports.find((candidate) => candidate.name === port.name))
  )
}

function targetPort(workload: Workload, port: ServicePort): number | undefined {
  const found = findWorkloadPort(workload, port)
  if (found !== undefined) return found.meshPort
  // A WorkloadEntry that declares no ports serves whatever the service targets.
  if (workload.meshed || workload.ports.length > 0 || typeof port.targetPort === 'string') return undefined
  return port.targetPort
}

function staticFact(service: Service, port: ServicePort, endpoint: StaticEndpoint): EndpointFact {
  const target = typeof port.targetPort === 'number' ? port.targetPort : port.number
  return {
    address: endpoint.address,
    port: endpoint.ports.get(port.name) ?? target,
    weight: endpoint.weight,
    draining: false,
    meshed: endpoint.labels.get('security.istio.io/tlsMode') === 'istio',
    workload: workloadText(service.name, service.namespace, endpoint.labels),
  }
}

function workloadText(name: string, namespace: string, labels: ReadonlyMap<string, string>): string {
  const service =
    labels.get('service.istio.io/canonical-name') ?? labels.get('app.kubernetes.io/name') ?? labels.get('app') ?? name
  const revision =
    labels.get('service.istio.io/canonical-revision') ??
    labels.get('app.kubernetes.io/version') ??
    labels.get('version') ??
    'latest'
  return [name, namespace, service, revision, meshClusterId].join(';')
}

function byAddress(a: EndpointFact, b: EndpointFact): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  return a.port - b.port
}
