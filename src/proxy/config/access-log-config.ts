/** `envoy.access_loggers.file` or `.stdout`/`.stderr`. */
export interface AccessLogConfig {
  /** `/dev/stdout`, `/dev/stderr`, or a file path. */
  readonly path: string
  /** Envoy format string; its default format when the resource says none. */
  readonly format: string
  /** Fields of a JSON format, in order; absent for text. */
  readonly json: ReadonlyMap<string, string> | undefined
}
