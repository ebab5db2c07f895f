/**
 * From a change of the mesh to acknowledged configuration in the proxies that it touches.
 *
 *     new mesh -> changed hosts -> sessions that depend on one -> compile (shared cache) -> ADS stream -> ACK or NACK
 *                                                                                            |
 *     enforcement (who obeys a revision, who does not and why) and status <------------------+
 *
 * Resources are opaque here: names, versions and origins are all that is read of them.
 */
export { waitForEnforcement } from './enforcement.ts'
export { type Compile, PushEngine } from './push-engine.ts'
export { createStatus } from './status.ts'
