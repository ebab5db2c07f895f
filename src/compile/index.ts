/**
 * The compiler (pure, deterministic): (mesh, one workload, what it talks to) -> facts -> Envoy v3 resources.
 *
 *     select/   which services, routes and policies concern this proxy
 *     policies/ each adds typed facts to the plan (timeouts, retries, faults, balancing, tls, ...)
 *     emit/     the only place that writes Envoy messages
 *
 * `passes.ts` is the order of the policies; `compile-proxy.ts` puts the plan of one proxy together. Nothing here knows
 * YAML, stores or sockets; cost follows what a proxy talks to, not the size of the mesh.
 */
export { createCompileCache, type CompileCache, type CompileCacheLimits } from './compile-cache.ts'
export { compileProxy } from './compile-proxy.ts'
export { type CompileInput, type CompileResult, type Interest } from './contract.ts'
export { changedHosts, everyHost, isAffected, workloadKey } from './dependencies.ts'
export { emitToYaml, resourceToJson } from './emit/index.ts'
