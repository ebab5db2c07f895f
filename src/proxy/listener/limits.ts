/** Bounds of what is looked at before a filter chain is chosen. What is longer is refused, or is not what it seemed to be. */
export const ListenerLimits = {
  /** A client hello, octets (Envoy `tls_inspector` reads as many); longer closes the connection. Post-quantum key shares make them about 2,000. */
  clientHelloBytes: 16 * 1024,
  /** Request line of HTTP/1, octets; with a longer one the connection is not taken for HTTP. */
  requestLineBytes: 16 * 1024,
  /** A PROXY protocol header of version 2 with all its values, octets; longer closes the connection. */
  proxyHeaderBytes: 4 * 1024,
} as const
