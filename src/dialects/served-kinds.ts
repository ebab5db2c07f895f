import type { Resource } from '../resources/index.ts'
import type { Dialect, ServedKind } from './contract.ts'
import { istio } from './istio/index.ts'
import { kubernetes } from './kubernetes/index.ts'

/** Every dialect that is served. */
export const dialects: readonly Dialect[] = [kubernetes, istio]

/** The kind that an object is of, whatever its version; undefined when no dialect serves it. */
export function servedKindOf(resource: Pick<Resource, 'group' | 'kind'>): ServedKind | undefined {
  for (const dialect of dialects) {
    const found = dialect.kinds.find((served) => served.group === resource.group && served.kind === resource.kind)
    if (found !== undefined) return found
  }
  return undefined
}

/** The dialect of an object's kind and version; undefined when none serves it. */
export function dialectOf(resource: Pick<Resource, 'apiVersion' | 'group' | 'kind'>): Dialect | undefined {
  const served = servedKindOf(resource)
  if (served === undefined || !served.versions.includes(versionOf(resource))) return undefined
  return dialects.find((dialect) => dialect.kinds.includes(served))
}

/** The version of an object without its group. */
export function versionOf(resource: Pick<Resource, 'apiVersion'>): string {
  return resource.apiVersion.slice(resource.apiVersion.indexOf('/') + 1)
}
