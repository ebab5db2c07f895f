import type { Mesh, Service, Workload } from '../../model/index.ts'

/** What differs between two meshes, in the terms that decide which proxies are touched. */
export interface MeshChange {
  /** Hosts (or host patterns) whose service, workloads, routes or policies differ. */
  readonly hosts: ReadonlySet<string>
  /** Ids of workloads that differ, came or went. */
  readonly workloads: ReadonlySet<string>
}

/** No difference. */
export const noChange: MeshChange = { hosts: new Set(), workloads: new Set() }

/**
 * Compares two meshes. Objects that were not written again are the same references, so the cost is one pass; those that
 * were are compared by structure, so that an apply that changes only a comment above them touches nobody.
 */
export function diffMesh(before: Mesh, after: Mesh): MeshChange {
  if (before === after) return noChange
  const hosts = new Set<string>()
  addDifferences(before.services, after.services, hosts)
  addDifferences(before.routesByHost, after.routesByHost, hosts)
  addDifferences(before.destinationsByHost, after.destinationsByHost, hosts)
  const workloads = new Set<string>()
  addDifferences(before.workloads, after.workloads, workloads)
  for (const mesh of [before, after]) addSelectingHosts(mesh, workloads, hosts)
  return { hosts, workloads }
}

function addDifferences<Value>(
  before: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
  different: Set<string>,
): void {
  for (const [key, value] of after) {
    const other = before.get(key)
    if (other !== value && !Bun.deepEquals(other, value, true)) different.add(key)
  }
  for (const key of before.keys()) if (!after.has(key)) different.add(key)
}

/** Adds the hosts of the services that select one of these workloads. */
function addSelectingHosts(mesh: Mesh, ids: ReadonlySet<string>, hosts: Set<string>): void {
  const byNamespace = new Map<string, Workload[]>()
  for (const id of ids) {
    const workload = mesh.workloads.get(id)
    if (workload === undefined) continue
    const list = byNamespace.get(workload.namespace)
    if (list === undefined) byNamespace.set(workload.namespace, [workload])
    else list.push(workload)
  }
  if (byNamespace.size === 0) return
  for (const service of mesh.services.values()) {
    const candidates = byNamespace.get(service.namespace)
    if (candidates?.some((workload) => selects(service, workload)) === true) hosts.add(service.host)
  }
}

function selects(service: Service, workload: Workload): boolean {
  if (service.selector.size === 0) return false
  for (const [name, value] of service.selector) if (workload.labels.get(name) !== value) return false
  return true
}
