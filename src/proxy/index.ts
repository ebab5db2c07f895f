/**
 * Weft's own data plane: an xDS client that runs Envoy v3 resources.
 *
 *     bootstrap -> identity -> ADS -> live configuration (compile, warm) -> data plane (listeners, HTTP, TCP, clusters)
 *
 * Knows nothing of the mesh model: what drives it drives Envoy as well.
 */
export { type AdminServer, type AdminSource, answerAdmin, startAdminServer } from './admin/index.ts'
export { connectHandover, type HandoverClient, type HandoverServer, startHandoverServer } from './handover/index.ts'
export { loadBootstrap } from './load-bootstrap.ts'
export { type ProxyProcessOptions, type RunningProxy, type RunProxyOptions } from './proxy-options.ts'
export { runProxy } from './proxy.ts'
