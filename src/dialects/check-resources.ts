import type { Diagnostic, Resource } from '../resources/index.ts'
import { dialectOf, dialects } from './served-kinds.ts'
import { judgeUnserved } from './unserved-kinds.ts'

/**
 * Everything that is wrong with objects whose envelope is good: kinds and versions that are not served, each object's own
 * faults, and what does not hold between them. Kinds that a manifest directory has beside ours are an `info`.
 */
export function checkResources(resources: readonly Resource[]): readonly Diagnostic[] {
  return [
    ...resources.flatMap((resource) => checkResource(resource)),
    ...dialects.flatMap((dialect) => dialect.validateTogether?.(resources) ?? []),
  ]
}

function checkResource(resource: Resource): readonly Diagnostic[] {
  const dialect = dialectOf(resource)
  const found = dialect === undefined ? judgeUnserved(resource) : dialect.validate(resource)
  return found.toSorted((a, b) => a.line - b.line || a.column - b.column)
}
