/**
 * The mesh model that follows the store.
 *
 *     list, then watch -> each object translated once for each time it is written -> mesh on demand, one object per state
 *
 * The one reader of configuration in the control plane: REST, push and status all see the same revision through it. It
 * knows the store and the dialects, not proxies.
 */
export { LiveMesh } from './live-mesh.ts'
