/** `envoy.config.core.v3.Http2ProtocolOptions`, compiled. */
export interface Http2Config {
  /** Streams that the peer may open at a time; 100 by default (Envoy's advice for the edge). */
  readonly maxConcurrentStreams: number
  /** Flow-control window of each stream, octets; 64 KiB by default. */
  readonly streamWindowBytes: number
  /** Flow-control window of the connection, octets; 1 MiB by default. */
  readonly connectionWindowBytes: number
  /** Extended CONNECT (RFC 8441) is offered. */
  readonly allowConnect: boolean
}

/** What holds when nothing is configured. */
export const defaultHttp2Config: Http2Config = {
  maxConcurrentStreams: 100,
  streamWindowBytes: 65_536,
  connectionWindowBytes: 1_048_576,
  allowConnect: false,
}
