/**
 * Secrets by name, and TLS configuration made usable with them: what clusters and listeners need to speak TLS and to
 * judge their peer. A secret that is missing or broken makes what needs it unreachable, never plain text.
 */
export { type CertificatePair, certificatePairs } from './certificate-pair.ts'
export { createSecretTable, type SecretTable } from './secret-table.ts'
export { certificateFor } from './certificate-for.ts'
export { type ClientTls, createTlsMaterial, type ServerTls, type TlsMaterial } from './tls-material.ts'
