/**
 * The envelope of a user's object: kind, name, labels, where it was written, and what is wrong with it.
 *
 * Dialects read the `spec`; nothing here knows what a VirtualService is.
 *
 *     text -> YAML documents with positions -> Resource (envelope parsed) -> dialect (schema, validate, translate)
 *
 * `schema/` holds the readers that dialects declare their fields with.
 */
export { describeValue } from './describe-value.ts'
export { type Diagnostic, type Severity } from './diagnostic.ts'
export { labels, resourceLabel } from './envelope.ts'
export { type FieldPath, formatPath } from './field-path.ts'
export { limits } from './limits.ts'
export { type Origin } from './origin.ts'
export { originOf } from './origin-of.ts'
export { type ParseOptions, type ParseResult, parseFiles, type SourceFile } from './parse-files.ts'
export { type Position, positionOf } from './position.ts'
export { renderDiagnostic, renderDiagnostics } from './render-diagnostic.ts'
export { type Resource, type ResourceKey, resourceKey } from './resource.ts'
export { suggest } from './suggestion.ts'
