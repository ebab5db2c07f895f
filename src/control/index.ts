/**
 * The control plane: composition root, REST API, mesh building and the push engine.
 *
 *     REST apply -> store -> watch -> MeshParts (dialects) -> mesh -> compile (per proxy touched) -> ADS streams
 *                              ^-- workload leases
 *
 * Everything it stands on is handed its dependencies here and nowhere else. It must not know what a field of a
 * VirtualService means (dialects) nor how an Envoy message is spelled (compile). Clients import `rest/index.ts`.
 */
export { startControlPlane } from './control-plane.ts'
export { type ControlPlane, type ControlPlaneOptions } from './options.ts'
