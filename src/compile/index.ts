/**
 * The compiler (pure, deterministic): (mesh, one workload, what it talks to) -> facts -> Envoy v3 resources.
 *
 *     select/   which services, routes and policies concern this proxy
 *     policies/ each adds typed facts to the plan (timeouts, retries, faults, balancing, tls, ...)
 *     emit/     the only place that writes Envoy messages
 */
export { type CompileInput, type CompileResult, type Interest } from './contract.ts'
