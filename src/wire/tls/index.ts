/**
 * TLS as far as a proxy reads it that does not end it: the client hello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2),
 * for the name and the protocols that a client asks for. Pure, no input or output: bytes in, facts out.
 *
 * What is malformed is no TLS and never a guess. Knows nothing of keys, of connections and of what a name is for.
 */
export { type ClientHello, type ClientHelloScan, scanClientHello } from './client-hello.ts'
