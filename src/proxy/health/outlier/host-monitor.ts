import type { EjectionKind, OutlierConfig } from '../../config/index.ts'

/** Failures in a row that are seen at once; rates are looked at once an interval. */
export type ConsecutiveKind = Extract<EjectionKind, `consecutive_${string}`>

/** Who is told that an endpoint failed as often in a row as is allowed. */
export interface ConsecutiveFailureSink {
  readonly config: OutlierConfig
  readonly onConsecutive: (monitor: HostMonitor, kind: ConsecutiveKind) => void
}

/** Requests of the interval that is going on. */
interface Volume {
  total: number
  succeeded: number
}

/** Counts what one endpoint did. The data path tells it results; the detector owns the rest. */
export class HostMonitor {
  /** Takes no new requests for now. */
  ejected = false
  /** Monotonic ms of the last ejection, and of the end of it; `unejectedAt` undefined when it was never let back. */
  ejectedAt = 0
  unejectedAt: number | undefined = undefined
  /** How many times `base_ejection_time` the next ejection lasts: grows with each, shrinks with each good interval. */
  backoff = 0
  jitterMs = 0
  readonly external: Volume = { total: 0, succeeded: 0 }
  readonly local: Volume = { total: 0, succeeded: 0 }
  readonly #failures: Record<ConsecutiveKind, number> = {
    consecutive_5xx: 0,
    consecutive_gateway_failure: 0,
    consecutive_local_origin_failure: 0,
  }
  readonly #sink: ConsecutiveFailureSink

  constructor(sink: ConsecutiveFailureSink) {
    this.#sink = sink
  }

  /** The head of a response is here. */
  countResponse(status: number): void {
    const { config } = this.#sink
    this.external.total += 1
    if (status < 500 || status > 599) {
      this.external.succeeded += 1
      this.forget('consecutive_5xx')
      this.forget('consecutive_gateway_failure')
      return
    }
    if (status >= 502 && status <= 504) this.#fail('consecutive_gateway_failure', config.consecutiveGatewayFailure)
    else this.forget('consecutive_gateway_failure')
    this.#fail('consecutive_5xx', config.consecutive5xx)
  }

  /** A request has its connection: what it ends with is still to come. */
  countConnected(): void {
    if (this.#sink.config.splitLocalOrigin) this.#countLocalSuccess()
  }

  /** A connection is there, and nothing more will be known of its success. */
  countTcpConnected(): void {
    if (this.#sink.config.splitLocalOrigin) this.#countLocalSuccess()
    else this.countResponse(200)
  }

  /** No connection could be had, or it broke. */
  countConnectFailure(): void {
    if (this.#sink.config.splitLocalOrigin) this.#countLocalFailure()
    else this.countResponse(503)
  }

  /** No answer came in time. */
  countTimeout(): void {
    if (this.#sink.config.splitLocalOrigin) this.#countLocalFailure()
    else this.countResponse(504)
  }

  /** The row of failures begins anew. */
  forget(kind: ConsecutiveKind): void {
    this.#failures[kind] = 0
  }

  /** A new interval begins. */
  resetVolumes(): void {
    for (const volume of [this.external, this.local]) {
      volume.total = 0
      volume.succeeded = 0
    }
  }

  #countLocalSuccess(): void {
    this.local.total += 1
    this.local.succeeded += 1
    this.forget('consecutive_local_origin_failure')
  }

  #countLocalFailure(): void {
    this.local.total += 1
    this.#fail('consecutive_local_origin_failure', this.#sink.config.consecutiveLocalOriginFailure)
  }

  #fail(kind: ConsecutiveKind, threshold: number): void {
    this.#failures[kind] += 1
    // A threshold that was lowered meanwhile is passed already, so it is not asked for equality. 0 never ejects.
    if (threshold > 0 && this.#failures[kind] >= threshold) this.#sink.onConsecutive(this, kind)
  }
}
