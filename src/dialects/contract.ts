import type { MeshParts, MeshSettings } from '../model/index.ts'
import type { Diagnostic, Resource } from '../resources/index.ts'

/** A kind that a dialect understands. Versions are spellings of one schema: the store keeps one object for all. */
export interface ServedKind {
  /** API group, empty for the Kubernetes core group. */
  readonly group: string
  readonly kind: string
  /** Without the group: `v1`, `v1beta1`, `v1alpha3`; newest first. */
  readonly versions: readonly string[]
}

/** What a translation needs beside the object itself. */
export interface TranslateContext {
  readonly settings: MeshSettings
  /** When the object was created, for "oldest wins"; compared as text. */
  readonly createdAt: string
}

/** What one object adds to the mesh. */
export type TranslatedParts = Partial<Omit<MeshParts, 'settings'>>

/** A configuration language: its kinds, what is wrong with an object, and what a good object means. Pure. */
export interface Dialect {
  readonly name: string
  readonly kinds: readonly ServedKind[]
  /** Every fault of one object of a served kind, in order of position. An object without an `error` may be translated. */
  readonly validate: (resource: Resource) => readonly Diagnostic[]
  /** What is wrong between objects that are each good, seen together. */
  readonly validateTogether?: (resources: readonly Resource[]) => readonly Diagnostic[]
  /** What an object without errors means; an object that has errors adds nothing. */
  readonly translate: (resource: Resource, context: TranslateContext) => TranslatedParts
}
