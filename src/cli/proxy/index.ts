/**
 * `weft proxy`: the process around a proxy.
 *
 *     one process:  SIGUSR2 -> successor starts, takes the sockets, is ready -> this process drains and ends
 *     --workers N:  a supervisor that holds the listening sockets and keeps N workers running over them
 *
 * It starts and watches processes; what a proxy does stands in `src/proxy`.
 */
export { parseProxyOptions } from './proxy-command-options.ts'
export { runSingleProxy } from './single-proxy.ts'
export { superviseWorkers } from './worker-supervisor.ts'
