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
  /** Chunk extensions of one chunk; longer closes the connection. */
  readonly chunkExtensionBytes: number
  /**
   * Answers that wait for a client which goes on asking; past it no further request is read. Bodies need no bound of this kind: their
   * sender is paused as soon as anything waits, so that at most one read of the socket is held.
   */
  readonly writeBufferBytes: number
  /** Bytes read ahead while a request is in progress (pipelined requests); past it the client is paused. */
  readonly pipelineBytes: number
  /** Request body kept for a retry; a longer one is streamed and not retried. */
  readonly replayBytes: number
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
}

/** The bounds that the proxy runs with unless told otherwise. */
export const defaultLimits: ProxyLimits = {
  headerFieldBytes: 16 * 1024,
  responseHeadBytes: 60 * 1024,
  responseHeaderCount: 100,
  trailerBytes: 8 * 1024,
  chunkExtensionBytes: 256,
  writeBufferBytes: 256 * 1024,
  pipelineBytes: 64 * 1024,
  replayBytes: 64 * 1024,
  interimResponses: 8,
  peerMetadataBytes: 4 * 1024,
  appendedHeaderBytes: 8 * 1024,
  parkedRequests: 1024,
  lingerMs: 1000,
}
