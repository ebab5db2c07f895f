/**
 * The languages that users write, each a folder of the same shape:
 *
 *     <dialect>/  schema (what fields there are) -> validate (what must hold between them) -> translate (to the model)
 *
 * Pure: an object goes in, diagnostics or mesh parts come out. Dialects never import each other; this folder joins them.
 * Nothing here knows of proxies, xDS or the store.
 */
export { checkResources } from './check-resources.ts'
export { type Dialect, type ServedKind, type TranslateContext, type TranslatedParts } from './contract.ts'
export { dialects } from './served-kinds.ts'
export { type PodDescription, podDescriptionOf } from './kubernetes/index.ts'
export { joinParts, translateResource, translateResources } from './translate-resources.ts'
