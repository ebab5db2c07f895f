import type { FieldPath } from './field-path.ts'
import type { Origin } from './origin.ts'
import { positionOf } from './position.ts'
import type { Resource } from './resource.ts'

/** Where a piece of an object was written; the object itself when `path` is empty or leads nowhere. */
export function originOf(resource: Resource, path: FieldPath = []): Origin {
  const { group, kind, namespace, name, file } = resource
  return {
    kind: group === '' ? kind : `${kind}.${group}`,
    namespace,
    name,
    file,
    line: positionOf(resource, path).line,
  }
}
