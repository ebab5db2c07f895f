/**
 * The proxy's admin interface: HTTP on loopback with Envoy's paths and, where there is one, Envoy's text form. Shows no
 * key and no token. Knows nothing of where the facts come from.
 */
export {
  type AdminServer,
  type AdminSource,
  answerAdmin,
  type CertificateFacts,
  type ServerState,
  startAdminServer,
} from './admin-server.ts'
