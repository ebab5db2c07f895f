import type { Mesh, Service, Workload } from '../../model/index.ts'
import { hasLabels } from './visibility.ts'

/** Lookups over one mesh that would otherwise scan it; each table is built when first asked for and shared by all proxies. */
export interface MeshIndex {
  /** Workloads that a service selects, sorted by id. */
  readonly workloadsOf: (service: Service) => readonly Workload[]
  /** Services that select a workload, sorted by host. */
  readonly servicesOf: (workload: Workload) => readonly Service[]
  /** Service that owns a written virtual address; the first by host when several do. */
  readonly serviceByAddress: (address: string) => Service | undefined
  /** Virtual addresses of a service, its own or one allocated in 240.240.0.0/16; empty for a wildcard host. */
  readonly virtualAddresses: (service: Service) => readonly string[]
}

const labelKey = (namespace: string, key: string, value: string): string => `${namespace}\0${key}\0${value}`

/** Indexes a mesh lazily; the index lives as long as the mesh. */
export function createMeshIndex(mesh: Mesh): MeshIndex {
  let workloadsByLabel: Map<string, Workload[]> | undefined
  let servicesByLabel: Map<string, Service[]> | undefined
  let byAddress: Map<string, Service> | undefined
  let allocated: Map<string, string> | undefined
  const selected = new Map<Service, readonly Workload[]>()

  function workloadsOf(service: Service): readonly Workload[] {
    const known = selected.get(service)
    if (known !== undefined) return known
    workloadsByLabel ??= indexWorkloads(mesh)
    const [first] = service.selector
    const candidates =
      first === undefined ? [] : (workloadsByLabel.get(labelKey(service.namespace, first[0], first[1])) ?? [])
    const found = candidates.filter((workload) => hasLabels(workload.labels, service.selector))
    selected.set(service, found)
    return found
  }

  function servicesOf(workload: Workload): readonly Service[] {
    servicesByLabel ??= indexServices(mesh)
    const found: Service[] = []
    for (const [key, value] of workload.labels) {
      for (const service of servicesByLabel.get(labelKey(workload.namespace, key, value)) ?? []) {
        if (hasLabels(workload.labels, service.selector)) found.push(service)
      }
    }
    return found.toSorted((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0))
  }

  function virtualAddresses(service: Service): readonly string[] {
    if (service.addresses.length > 0) return service.addresses
    allocated ??= allocateAddresses(mesh)
    const address = allocated.get(service.host)
    return address === undefined ? [] : [address]
  }

  return {
    workloadsOf,
    servicesOf,
    serviceByAddress: (address) => (byAddress ??= indexAddresses(mesh)).get(address),
    virtualAddresses,
  }
}

function indexWorkloads(mesh: Mesh): Map<string, Workload[]> {
  const index = new Map<string, Workload[]>()
  for (const workload of mesh.workloads.values()) {
    for (const [key, value] of workload.labels) append(index, labelKey(workload.namespace, key, value), workload)
  }
  return index
}

/** A service is filed under its first selector label only: a workload finds it there exactly once. */
function indexServices(mesh: Mesh): Map<string, Service[]> {
  const index = new Map<string, Service[]>()
  for (const service of mesh.services.values()) {
    const [first] = service.selector
    if (first !== undefined) append(index, labelKey(service.namespace, first[0], first[1]), service)
  }
  return index
}

function indexAddresses(mesh: Mesh): Map<string, Service> {
  const index = new Map<string, Service>()
  for (const host of [...mesh.services.keys()].toSorted()) {
    const service = mesh.services.get(host)
    for (const address of service?.addresses ?? []) {
      if (service !== undefined && !index.has(address)) index.set(address, service)
    }
  }
  return index
}

/**
 * One address of 240.240.0.0/16 for each service without its own: a hash of the host, then the next free one. Hosts are
 * taken in sorted order, so the table is a function of the set of hosts. `.0` and `.255` are left out.
 */
function allocateAddresses(mesh: Mesh): Map<string, string> {
  const table = new Map<string, string>()
  const taken = new Set<number>()
  const size = 256 * 254
  for (const host of [...mesh.services.keys()].toSorted()) {
    const service = mesh.services.get(host)
    if (service === undefined || service.addresses.length > 0 || host.includes('*') || taken.size >= size) continue
    let slot = fnv1a(host) % size
    while (taken.has(slot)) slot = (slot + 1) % size
    taken.add(slot)
    table.set(host, `240.240.${Math.floor(slot / 254)}.${(slot % 254) + 1}`)
  }
  return table
}

/** 32-bit FNV-1a: well spread for short names and the same on every machine. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}

function append<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
