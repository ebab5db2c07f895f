/**
 * Where a piece of configuration was written. Carried from the file through the model into xDS metadata, metrics,
 * NACK reports and explanations, so that every decision can name the line that made it.
 */
export interface Origin {
  /** Object kind with group, for example `VirtualService.networking.istio.io`. */
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** File path as the user gave it, `-` for standard input, or `weft run` for a registered workload. */
  readonly file: string
  /** 1-based line of the piece itself (a route rule's first line, not the document's). */
  readonly line: number
}
