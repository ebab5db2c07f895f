/**
 * Every bound of the data path, by name. A bound that an xDS field sets (head bytes, header count, time limits,
 * circuit breakers) stands in the compiled configuration; what stands here has no such field.
 */
export interface ProxyLimits {
  /** One header field, name and value; longer is 431. */
  readonly headerFieldBytes: number
  /** Head of a response from an upstream; longer is 502. */
  readonly responseHeadBytes: number
  /** Fields of a response head; more is 502. */
  readonly responseHeaderCount: number
  /** Trailer fields together, per message; longer closes the connection. */
  readonly trailerBytes: number
  /** Trailer fields, per message; with more, none is passed on. */
  readonly trailerCount: number
  /** Chunk extensions of one chunk; longer closes the connection. */
  readonly chunkExtensionBytes: number
  /**
   * Answers that wait for a client which goes on asking; past it no further request is read. Bodies need no bound of this kind: their
   * sender is paused as soon as anything waits, so that at most one read of the socket is held.
   */
  readonly writeBufferBytes: number
  /** Buffer in which messages are composed, per server: its first size. It grows when a head needs more; heads are bounded. */
  readonly writerBytes: number
  /** Body bytes that are copied behind a response head, so that both leave in one write; more leave as they came. */
  readonly gatheredBytes: number
  /** Bytes read ahead while a request is in progress (pipelined requests); past it the client is paused. */
  readonly pipelineBytes: number
  /** Request body kept for a retry; a longer one is streamed and not retried. */
  readonly replayBytes: number
  /** Exchanges that are kept for the next request when they are over, per server. */
  readonly keptExchanges: number
  /** Buffer of a request head that an exchange keeps for the next request; one that grew larger is let go. */
  readonly keptHeadBytes: number
  /** `1xx` answers of one upstream response; more is 502. */
  readonly interimResponses: number
  /** Value of `x-envoy-peer-metadata`; longer is ignored. */
  readonly peerMetadataBytes: number
  /** Value of `x-forwarded-client-cert` or `x-forwarded-for` that grows by appending; longer is replaced. */
  readonly appendedHeaderBytes: number
  /** Requests that wait for on-demand resources, per server; more is 503. */
  readonly parkedRequests: number
  /** Milliseconds that a refused request's connection stays open for the client to read the answer. */
  readonly lingerMs: number
  /**
   * Milliseconds that a client has to take what waits for it when its exchange is over, from its last progress on; then the connection is
   * cut (Envoy's `stream_flush_timeout`, which falls back on the stream's idle time of 5 minutes).
   */
  readonly flushTimeoutMs: number
  /** Milliseconds that an HTTP/2 peer has to acknowledge our settings; then the connection is closed (RFC 9113 section 6.5.3). */
  readonly settingsTimeoutMs: number
  /** Milliseconds that a client of HTTP/2 has to stop opening streams when its connection is to end; later ones are ignored (Envoy's `drain_timeout`). */
  readonly drainGraceMs: number
  /** Milliseconds after which an idle HTTP/2 connection gives its buffers back. */
  readonly idleTrimMs: number
  /** Bytes of a TCP client that are kept until its upstream connection is there; more closes it. The socket is paused: only what was under way comes. */
  readonly earlyBytes: number
  /** Addresses that an original-destination cluster remembers; those without connections make room for new ones. */
  readonly originalDestinations: number
  /** Subsets of one cluster (`lb_subset_config`); an endpoint that would make another is in none of those. */
  readonly subsets: number
  /** Methods of gRPC that a connection manager counts apart; calls of further ones are counted by cluster alone. */
  readonly grpcMethods: number
  /** UDP sessions of one listener; datagrams of further clients are dropped. A cluster's `max_connections` counts them too, and is mostly lower. */
  readonly udpSessions: number
  /** Datagrams of a UDP session that are kept until its socket is there, which takes one turn of the event loop; more are dropped. */
  readonly udpEarlyDatagrams: number
}

/** The bounds that the proxy runs with unless told otherwise. */
export const defaultLimits: ProxyLimits = {
  headerFieldBytes: 16 * 1024,
  responseHeadBytes: 60 * 1024,
  responseHeaderCount: 100,
  trailerBytes: 8 * 1024,
  trailerCount: 64,
  chunkExtensionBytes: 256,
  writeBufferBytes: 256 * 1024,
  writerBytes: 96 * 1024,
  gatheredBytes: 64 * 1024,
  pipelineBytes: 64 * 1024,
  replayBytes: 64 * 1024,
  keptExchanges: 256,
  keptHeadBytes: 16 * 1024,
  interimResponses: 8,
  peerMetadataBytes: 4 * 1024,
  appendedHeaderBytes: 8 * 1024,
  parkedRequests: 1024,
  lingerMs: 1000,
  flushTimeoutMs: 30_000,
  settingsTimeoutMs: 30_000,
  drainGraceMs: 5_000,
  idleTrimMs: 5_000,
  earlyBytes: 1024 * 1024,
  originalDestinations: 4096,
  subsets: 4096,
  grpcMethods: 1000,
  udpSessions: 16_384,
  udpEarlyDatagrams: 64,
}
