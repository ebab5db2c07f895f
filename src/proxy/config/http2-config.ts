import type { SessionLimits } from '../../wire/http2/index.ts'

/** `envoy.config.core.v3.Http2ProtocolOptions`, compiled. */
export interface Http2Config {
  /** Bounds that the configuration sets; the others have Weft's defaults, which are Envoy's advice for the edge. */
  readonly limits: Partial<SessionLimits>
  /** Extended CONNECT (RFC 8441) is taken from clients. */
  readonly allowConnect: boolean
  /** `connection_keepalive`: PING each `intervalMs`, and no answer for `timeoutMs` closes the connection. */
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined
}

/** What holds when nothing is configured. */
export const defaultHttp2Config: Http2Config = { limits: {}, allowConnect: false, keepalive: undefined }
