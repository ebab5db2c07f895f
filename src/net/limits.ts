/** Bounds and time limits of sockets and name resolution. Each is a number that protects the process, none is a tuning knob of users. */
export const NetLimits = {
  /** Most bytes that wait for one socket to take them; a source is paused at the first, so this is one read and what was under way. */
  queuedBytesPerSocket: 4 * 1024 * 1024,
  /** A read of this many bytes says that more are on their way: from here on they are moved within the kernel. */
  bulkReadBytes: 64 * 1024,
  /** Bytes that streams in bulk move together in one turn of the event loop, so that other connections are not kept waiting for long. */
  bulkBytesPerTurn: 4 * 1024 * 1024,
  /** Least share of one stream in such a turn. */
  bulkBytesLeast: 128 * 1024,
  /** Size of the pipe through which bytes are moved within the kernel; an unprivileged process may have no more. */
  splicePipeBytes: 1024 * 1024,
  /** From accept (or TCP connect) to the end of the TLS handshake, ms; Envoy's `transport_socket_connect_timeout` is off, ours is not. */
  tlsHandshakeTimeoutMs: 10_000,
  /** Most downstream connections of one process, however many file descriptors it may have; nginx and ztunnel stand near it. */
  downstreamConnections: 50_000,
  /** Share of the file descriptors that downstream connections may take: half, less a tenth. Each may need an upstream one. */
  downstreamDescriptorShare: 0.45,
  /** File descriptors kept for what is not a proxied connection: files, control plane, admin port, DNS. */
  reservedFileDescriptors: 128,
  /** DNS questions that wait for an upstream resolver; beyond it they are answered SERVFAIL. */
  dnsQueriesOutstanding: 1024,
  /** An upstream resolver has this long for one try, ms. */
  dnsUpstreamTimeoutMs: 2_000,
  /** Most addresses taken from one DNS answer for a cluster. */
  dnsAddressesPerName: 256,
} as const
