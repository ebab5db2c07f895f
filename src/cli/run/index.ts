/**
 * `weft run`: the supervisor that joins an application to the mesh.
 *
 *     reserve ports -> register (lease) -> bootstrap -> proxy ready -> application ready -> health ready
 *     signal or end -> health draining -> peers acknowledged, inbound quiet -> application ends -> proxy drains -> deregister
 *
 * It starts processes and talks to the control plane's REST API; it carries no traffic and reads no xDS.
 */
export { parseRunOptions, type RunOptions } from './run-options.ts'
export { type RunRecord, runRecordName } from './state-directory.ts'
export { runWorkload, type RunSurroundings } from './supervisor.ts'
export { pause, waitUntil } from './wait-until.ts'
