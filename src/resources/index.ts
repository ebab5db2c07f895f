/**
 * The envelope of a user's object: kind, name, labels, where it was written, and what is wrong with it.
 *
 * Dialects read the `spec`; nothing here knows what a VirtualService is.
 *
 *     text -> YAML documents with positions -> Resource (envelope parsed) -> dialect (schema, validate, translate)
 */
export { type Diagnostic, type Severity } from './diagnostic.ts'
export { type Origin } from './origin.ts'
export { type Resource, type ResourceKey, resourceKey } from './resource.ts'
