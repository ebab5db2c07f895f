/**
 * Listeners at run time: sockets that accept, the choice of a filter chain, TLS of the server side, hand-over to HTTP or
 * TCP. A replaced configuration on the same socket drops no connection. Knows nothing of requests.
 *
 *     accept -> original destination -> filter chain -> TLS and peer identity -> HTTP or TCP server of the chain
 */
export { type ChainMatcher } from './chain-matcher.ts'
export { createDnsListener } from './dns-listener.ts'
export { type ListenerServices } from './listener-services.ts'
export { createUdpListener } from './udp-listener.ts'
export { createTcpListener, type ListenerRuntime } from './tcp-listener.ts'
