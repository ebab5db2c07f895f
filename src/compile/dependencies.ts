import { isDeepStrictEqual } from 'node:util'
import type { Mesh, Service, Workload } from '../model/index.ts'
import { createMeshIndex } from './select/index.ts'

/** In `dependsOn`: any change of the mesh touches this result. In a change set: every result is touched. */
export const everyHost = '**'

/** How a workload itself stands in `dependsOn`. */
export function workloadKey(id: string): string {
  return `workload ${id}`
}

/** Whether a result that depends on `dependsOn` may differ after a change of `changed`. */
export function isAffected(dependsOn: ReadonlySet<string>, changed: ReadonlySet<string>): boolean {
  if (changed.size === 0) return false
  if (dependsOn.has(everyHost) || changed.has(everyHost)) return true
  const [small, large] = changed.size < dependsOn.size ? [changed, dependsOn] : [dependsOn, changed]
  for (const key of small) if (large.has(key)) return true
  return false
}

/**
 * The `dependsOn` keys that differ between two meshes: hosts and addresses of services, hosts of routes and destination
 * policies, services whose workloads changed, and workloads themselves. Objects that are the same object are equal without a look inside.
 */
export function changedHosts(before: Mesh, after: Mesh): ReadonlySet<string> {
  if (!isDeepStrictEqual(before.settings, after.settings)) return new Set([everyHost])
  const changed = new Set<string>()
  for (const name of ['services', 'routesByHost', 'destinationsByHost'] as const) {
    for (const host of changedKeys<unknown>(before[name], after[name])) changed.add(host)
  }
  const indexes = { before: createMeshIndex(before), after: createMeshIndex(after) }
  for (const [mesh, index] of [
    [before, indexes.before],
    [after, indexes.after],
  ] as const) {
    for (const id of changedKeys(before.workloads, after.workloads)) {
      const workload: Workload | undefined = mesh.workloads.get(id)
      changed.add(workloadKey(id))
      if (workload !== undefined) for (const service of index.servicesOf(workload)) changed.add(service.host)
    }
    for (const host of changedKeys(before.services, after.services)) {
      const service: Service | undefined = mesh.services.get(host)
      // A client may have asked for it by address before it was there.
      for (const address of service?.addresses ?? []) changed.add(address)
      // Its workloads' inbound listeners take their protocol and labels from it.
      if (service !== undefined)
        for (const workload of index.workloadsOf(service)) changed.add(workloadKey(workload.id))
    }
  }
  return changed
}

function* changedKeys<Value>(before: ReadonlyMap<string, Value>, after: ReadonlyMap<string, Value>): Iterable<string> {
  for (const [key, value] of before) {
    const other = after.get(key)
    if (other !== value && !isDeepStrictEqual(other, value)) yield key
  }
  for (const key of after.keys()) if (!before.has(key)) yield key
}
