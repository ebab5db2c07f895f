import type { Any } from '@bufbuild/protobuf/wkt'

import type { RbacConfig } from '../filters/index.ts'
import type { CompiledFault, SessionSetting } from '../route/index.ts'
import type { CompileContext } from './compile-context.ts'
import { compileRouteFault, faultFilterName } from './compile-fault.ts'
import { compileRbacPerRoute } from './compile-rbac.ts'
import { compilePerRouteSession, statefulSessionName } from './compile-stateful-session.ts'
import { fieldPath, keyPath } from './fault-list.ts'

/** What one level (virtual host, route, weighted cluster) says to filters, together with the levels above it. */
export interface PerFilterSettings {
  readonly fault: CompiledFault | undefined
  readonly session: SessionSetting | undefined
  /** RBAC settings by the filter's name; undefined when there are none. */
  readonly rbac: ReadonlyMap<string, RbacConfig> | undefined
}

/** Nothing is said to any filter. */
export const noSettings: PerFilterSettings = { fault: undefined, session: undefined, rbac: undefined }

/** Compiles a level of `typed_per_filter_config`; for filters it is silent on, the level above counts. */
export function compilePerFilter(
  context: CompileContext,
  path: string,
  configs: Readonly<Record<string, Any>>,
  above: PerFilterSettings,
): PerFilterSettings {
  let { fault } = above
  const rbac = new Map(above.rbac)
  for (const [key, any] of Object.entries(configs)) {
    const at = keyPath(fieldPath(path, 'typed_per_filter_config'), key)
    if (key === faultFilterName) {
      fault = compileRouteFault(context, at, any) ?? fault
      continue
    }
    if (key === statefulSessionName) continue
    const settings = compileRbacPerRoute(context, at, any)
    if (settings !== undefined) rbac.set(key, settings)
    else context.faults.add(at, `Settings of filter ${key} are not implemented by this proxy`)
  }
  const session = compilePerRouteSession(context, path, configs) ?? above.session
  return { fault, session, rbac: rbac.size === 0 ? undefined : rbac }
}
