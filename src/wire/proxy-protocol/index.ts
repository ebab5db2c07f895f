/**
 * The PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`): the header before the first octet of a connection that
 * says who opened it and where to. Pure, no input or output: bytes in, facts out, and the reverse.
 *
 * A malformed header is a fault, never a guess. Knows nothing of connections and of whom to believe.
 */
export { type ProxyAddress, type ProxyHeader, type ProxyHeaderScan, scanProxyHeader } from './scan-header.ts'
export { writeProxyHeader } from './write-header.ts'
