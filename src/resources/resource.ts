import type { Document, LineCounter } from 'yaml'

/** Identity of an object in the store: `group/kind/namespace/name`; the API version is not part of it. */
export type ResourceKey = string

/** A user's object after its envelope was parsed; `spec` is still unknown to anyone but its dialect. */
export interface Resource {
  /** As written, for example `networking.istio.io/v1beta1`. */
  readonly apiVersion: string
  /** API group, empty for the Kubernetes core group. */
  readonly group: string
  readonly kind: string
  /** `default` when the file says nothing. */
  readonly namespace: string
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly annotations: ReadonlyMap<string, string>
  /** The whole document as plain JSON values. */
  readonly body: Readonly<Record<string, unknown>>
  /** The YAML text of this one document, as the user wrote it. */
  readonly text: string
  readonly file: string
  /** Line of `text`'s first line in `file`, 1-based; positions in `document` are relative to `text`. */
  readonly firstLine: number
  readonly document: Document
  readonly lineCounter: LineCounter
}

/** The store key of an object. Names cannot contain `/`, so keys never collide. */
export function resourceKey(resource: Pick<Resource, 'group' | 'kind' | 'namespace' | 'name'>): ResourceKey {
  return `${resource.group === '' ? 'core' : resource.group}/${resource.kind}/${resource.namespace}/${resource.name}`
}
