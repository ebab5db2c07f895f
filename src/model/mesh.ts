import type { DestinationPolicy } from './destination.ts'
import type { Gateway } from './gateway.ts'
import type { HttpRoute } from './route.ts'
import type { Service } from './service.ts'
import type { Workload } from './workload.ts'

/** Settings of the whole mesh. */
export interface MeshSettings {
  /** SPIFFE trust domain, `cluster.local` by default. */
  readonly trustDomain: string
  /** Domain of cluster services: `svc.cluster.local`. */
  readonly serviceDomain: string
  /** Namespace whose objects apply to all others. */
  readonly rootNamespace: string
}

/** What a mesh is made of, in any order. */
export interface MeshParts {
  readonly settings: MeshSettings
  readonly services: readonly Service[]
  readonly workloads: readonly Workload[]
  readonly routes: readonly HttpRoute[]
  readonly destinations: readonly DestinationPolicy[]
  readonly gateways: readonly Gateway[]
}

/** The frozen picture that the compiler reads. */
export interface Mesh {
  readonly settings: MeshSettings
  /** By fully qualified host; of two services with one host the oldest stands. */
  readonly services: ReadonlyMap<string, Service>
  /** By id. */
  readonly workloads: ReadonlyMap<string, Workload>
  /** By host as written (fully qualified or wildcard), oldest first. */
  readonly routesByHost: ReadonlyMap<string, readonly HttpRoute[]>
  readonly destinationsByHost: ReadonlyMap<string, readonly DestinationPolicy[]>
  readonly gateways: ReadonlyMap<string, Gateway>
}

function byAge(a: { createdAt: string; namespace: string; name: string }, b: typeof a): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1
  const left = `${a.namespace}/${a.name}`
  const right = `${b.namespace}/${b.name}`
  return left < right ? -1 : left > right ? 1 : 0
}

function push<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** Sorts, indexes and freezes the parts of a mesh. Same parts in any order give an equal mesh. */
export function buildMesh(parts: MeshParts): Mesh {
  const services = new Map<string, Service>()
  for (const service of parts.services.toSorted(byAge)) {
    if (!services.has(service.host)) services.set(service.host, service)
  }
  const routesByHost = new Map<string, HttpRoute[]>()
  for (const route of parts.routes.toSorted(byAge)) {
    for (const host of new Set(route.hosts)) push(routesByHost, host, route)
  }
  const destinationsByHost = new Map<string, DestinationPolicy[]>()
  for (const policy of parts.destinations.toSorted(byAge)) push(destinationsByHost, policy.host, policy)
  const workloads = parts.workloads.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  return Object.freeze({
    settings: parts.settings,
    services,
    workloads: new Map(workloads.map((workload) => [workload.id, workload])),
    routesByHost,
    destinationsByHost,
    gateways: new Map(parts.gateways.map((gateway) => [`${gateway.namespace}/${gateway.name}`, gateway])),
  })
}
