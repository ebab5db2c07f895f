/**
 * `weft demo`: a whole mesh on this machine, and what can be seen of it.
 *
 *     demo-mesh (weft up, weft run x 7) -> admin /stats/prometheus -> edge-counts -> edge-view -> live-screen
 *                                      \-> once: split, fault, 1,000 requests, verdicts
 *
 * Everything it starts are ordinary `weft` processes; it uses nothing that a user could not.
 */
export { type DemoMesh, type DemoOptions, startDemoMesh } from './demo-mesh.ts'
export { edgeDifference, type EdgeTable } from './edge-counts.ts'
export { renderEdges } from './edge-view.ts'
export { type LiveScreen, liveScreen } from './live-screen.ts'
export { type OnceOutcome, renderOutcome, runOnce } from './once.ts'
