/**
 * What the data path reads of the overload manager: plain fields of a fixed shape, written when an action changes. Values are
 * probabilities, 0 (off) to 1 (saturated), as Envoy draws for scaled actions.
 */
export interface OverloadState {
  /** `stop_accepting_requests`: share of requests that are answered 503. */
  stopRequests: number
  /** `disable_http_keepalive`: share of responses that end their connection. */
  disableKeepalive: number
  /** `reject_incoming_connections`: share of connections that are closed when they are accepted. */
  rejectConnections: number
  /** `/healthcheck/fail`: responses end their connections, so that a balancer in front moves on. */
  failedHealthCheck: boolean
  /** `reduce_timeouts`: what is left of a timeout, 0 to 1, and its floor in ms. */
  readonly connectionIdle: TimeoutScale
  readonly streamIdle: TimeoutScale
}

/** How one kind of timer is shortened. */
export interface TimeoutScale {
  /** `reduce_timeouts`, 0: timers run in full. */
  reduction: number
  /** Floor at full reduction: ms, or, when `share` is true, a share of the timer's length. */
  floor: number
  share: boolean
}

/** A state in which nothing is reduced. */
export function calmOverloadState(): OverloadState {
  return {
    stopRequests: 0,
    disableKeepalive: 0,
    rejectConnections: 0,
    failedHealthCheck: false,
    connectionIdle: { reduction: 0, floor: 0, share: false },
    streamIdle: { reduction: 0, floor: 0, share: false },
  }
}

/** Length of a timer under the present pressure; 0 (off) stays 0, anything else is at least 1 ms. */
export function scaledTimeoutMs(fullMs: number, scale: TimeoutScale): number {
  if (scale.reduction === 0 || fullMs === 0) return fullMs
  const floor = Math.min(fullMs, scale.share ? fullMs * scale.floor : scale.floor)
  return Math.max(1, Math.round(floor + (fullMs - floor) * (1 - scale.reduction)))
}

/** Draws whether an action of a given strength is taken now. */
export function isTaken(strength: number, random: () => number): boolean {
  return strength > 0 && (strength >= 1 || random() < strength)
}
