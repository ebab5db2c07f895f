/**
 * Which services, routes, policies and workloads concern one client (pure lookups, no Envoy, no defaults).
 *
 * Every lookup goes through a ClientView and is noted in its trace, also when nothing was found: the trace is how the
 * control plane knows whom a change touches. Nothing here scans the mesh; tables that need a scan are in MeshIndex, built
 * once for each mesh.
 */
export {
  createTrace,
  mergeTrace,
  visibleService,
  withTrace,
  type ClientView,
  type CompileWarning,
  type Trace,
} from './client-view.ts'
export { findDestination } from './find-destination.ts'
export { findRoute, meshGateway } from './find-route.ts'
export { qualifiedHosts, spellingsOf, type Authority } from './host-patterns.ts'
export { createMeshIndex, type MeshIndex } from './mesh-index.ts'
export { defaultHttpPort, resolveAuthority, type ResolvedAuthority } from './resolve-authority.ts'
export { findWorkloadPort, meshClusterId, selectEndpoints, type EndpointFact } from './select-endpoints.ts'
export { hasLabels, isVisible } from './visibility.ts'
