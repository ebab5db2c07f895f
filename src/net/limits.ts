/** Bounds and time limits of sockets and name resolution. Each is a number that protects the process, none is a tuning knob of users. */
export const NetLimits = {
  /** Most bytes that wait for one socket to take them; a source is paused at the first, so this is one read and what was under way. */
  queuedBytesPerSocket: 4 * 1024 * 1024,
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
