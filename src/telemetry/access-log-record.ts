/** Envoy response flags as bits; `%RESPONSE_FLAGS%` prints the short names joined by `,`, or `-`. */
export const ResponseFlag = {
  /** LH, local service failed health checking. */
  LH: 1,
  UH: 2,
  UT: 4,
  LR: 8,
  UR: 16,
  UF: 32,
  UC: 64,
  UO: 128,
  NR: 256,
  DI: 512,
  FI: 1024,
  RL: 2048,
  UAEX: 4096,
  DC: 8192,
  URX: 16384,
  SI: 32768,
  IH: 65536,
  DPE: 131072,
  UMSDR: 262144,
  NC: 524288,
  DT: 1048576,
  UPE: 2097152,
  OM: 4194304,
  DF: 8388608,
  DR: 16777216,
} as const

/** What one request or TCP connection leaves behind for its log line. Filled only when a logger is configured. */
export interface AccessLogRecord {
  /** Milliseconds since the epoch. */
  startTime: number
  method: string
  /** Original path with query, as received. */
  path: string
  protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2' | ''
  authority: string
  status: number
  /** Of a call of gRPC; -1: it was none. */
  grpcStatus: number
  flags: number
  /** Envoy response code details, for example `via_upstream` or `route_not_found`. */
  details: string
  bytesReceived: number
  bytesSent: number
  durationMs: number
  /** `x-envoy-upstream-service-time`; negative: absent. */
  upstreamServiceTimeMs: number
  upstreamHost: string
  upstreamCluster: string
  upstreamLocalAddress: string
  downstreamLocalAddress: string
  downstreamRemoteAddress: string
  /** Peer of the socket, whoever the PROXY protocol or `x-forwarded-for` names. */
  downstreamDirectRemoteAddress: string
  requestedServerName: string
  routeName: string
  upstreamTransportFailureReason: string
  /** Reads a request header, lower case; undefined when absent. */
  requestHeader: (name: string) => string | undefined
  responseHeader: (name: string) => string | undefined
  /** SPIFFE id of the peer, empty when none. */
  peerSpiffeId: string
}

const nothing = (): undefined => undefined

/** A record with nothing in it, of the shape that all records have. */
export function emptyAccessLogRecord(): AccessLogRecord {
  return {
    startTime: 0,
    method: '',
    path: '',
    protocol: '',
    authority: '',
    status: 0,
    grpcStatus: -1,
    flags: 0,
    details: '',
    bytesReceived: 0,
    bytesSent: 0,
    durationMs: 0,
    upstreamServiceTimeMs: -1,
    upstreamHost: '',
    upstreamCluster: '',
    upstreamLocalAddress: '',
    downstreamLocalAddress: '',
    downstreamRemoteAddress: '',
    downstreamDirectRemoteAddress: '',
    requestedServerName: '',
    routeName: '',
    upstreamTransportFailureReason: '',
    requestHeader: nothing,
    responseHeader: nothing,
    peerSpiffeId: '',
  }
}
