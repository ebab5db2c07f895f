/**
 * Network filters: what handles the bytes of an accepted connection when they are not HTTP. A TCP proxy draws a cluster,
 * connects, joins the two sockets and reports both ends. Knows no listeners and no TLS: an accepted socket is handed in.
 */
export { createConnectionRecord } from './connection-record.ts'
export { type ConnectionServer } from './connection-server.ts'
export { type DownstreamInfo } from './downstream.ts'
export { endpointEnd, joinEdge, unknownEnd, unknownLabel, workloadEnd, type WorkloadNode } from './edge-ends.ts'
export { createTcpProxy, type TcpProxyOptions } from './tcp-proxy.ts'
export { UdpProxy, type UdpProxyOptions, type UdpReplies } from './udp-proxy.ts'
export { withoutPort } from './without-port.ts'
