/**
 * The live configuration: what the control plane sends becomes what the data plane runs.
 *
 *     update -> decode and compile each resource -> warm (clusters: endpoints; listeners: routes, secrets) -> data plane
 *                    |                                  |
 *                    +-> refused: last good serves      +-> subscriptions follow what is needed; hosts on demand
 *
 * Accepted bytes are kept on disk, so that a proxy that restarts while the control plane is down serves at once. Knows
 * no gRPC and no sockets.
 */
export { tlsFilePollMs } from './limits.ts'
export { createLastGoodFile, type LastGoodFile } from './last-good-file.ts'
export { LiveConfig, type LiveConfigOptions, type Subscriptions } from './live-config.ts'
export { inlineTlsFault, TlsFileWatch } from './tls-file-watch.ts'
