/**
 * The proxy's admin interface: HTTP on loopback with Envoy's paths and, where there is one, Envoy's form. Shows no key and no
 * token; what changes something is POST only. Knows nothing of where the facts come from.
 *
 *     admin-server -> table of commands -> describe-* (one file for each page) -> AdminSource
 */
export { type AdminServer, answerAdmin, startAdminServer } from './admin-server.ts'
export { type AdminLog, type AdminSource, type ServerState } from './admin-source.ts'
