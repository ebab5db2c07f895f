import type { Mesh, Service, Workload } from '../../model/index.ts'
import type { Origin } from '../../resources/index.ts'
import type { MeshIndex } from './mesh-index.ts'
import { isVisible } from './visibility.ts'

/** Something the user should know, with the line that caused it. */
export interface CompileWarning {
  readonly code: string
  readonly message: string
  readonly origin: Origin
}

/** What a unit of compilation looked at and found worth telling; replayed when the unit's result comes from a cache. */
export interface Trace {
  /** Hosts and host patterns that were looked up, present or not. */
  readonly hosts: Set<string>
  readonly warnings: CompileWarning[]
}

/** The mesh as one client sees it. Every lookup through it is noted in `trace`. */
export interface ClientView {
  readonly mesh: Mesh
  readonly index: MeshIndex
  readonly workload: Workload
  readonly trace: Trace
}

/** The same client with a trace of its own. */
export function withTrace(view: ClientView, trace: Trace): ClientView {
  return { ...view, trace }
}

/** An empty trace. */
export function createTrace(): Trace {
  return { hosts: new Set(), warnings: [] }
}

/** Adds what `from` saw to `to`. */
export function mergeTrace(to: Trace, from: Trace): void {
  for (const host of from.hosts) to.hosts.add(host)
  to.warnings.push(...from.warnings)
}

/** The service with this host, if the client may see it. */
export function visibleService(view: ClientView, host: string): Service | undefined {
  view.trace.hosts.add(host)
  const service = view.mesh.services.get(host)
  if (service === undefined) return undefined
  return isVisible(service.exportTo, service.namespace, view.workload.namespace) ? service : undefined
}
