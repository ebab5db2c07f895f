/** How one check of a host ended; `not-ready`: nothing was learned, the check could not be made from here. */
export type CheckOutcome =
  { readonly kind: 'passed'; readonly degraded: boolean } | FailedCheck | { readonly kind: 'not-ready' }

/** A check that failed. */
export interface FailedCheck {
  readonly kind: 'failed'
  /**
   * `answer`: it answered, and is not well: unhealthy at once. `retriable`: the same, but counted towards the threshold, as are `network`
   * (no connection, or it broke) and `timeout`. `passive`: seen by its traffic.
   */
  readonly cause: 'answer' | 'retriable' | 'network' | 'timeout' | 'passive'
  /** It said itself that it must not be counted among the endpoints. */
  readonly excluded: boolean
}

/** It answered, and is not well. */
export const failedAnswer: FailedCheck = { kind: 'failed', cause: 'answer', excluded: false }

/** No connection, or it broke. */
export const failedNetwork: FailedCheck = { kind: 'failed', cause: 'network', excluded: false }

/** No answer in time. */
export const failedTimeout: FailedCheck = { kind: 'failed', cause: 'timeout', excluded: false }

/** Its traffic showed `x-envoy-immediate-health-check-fail`. */
export const failedPassive: FailedCheck = { kind: 'failed', cause: 'passive', excluded: true }

/** It is well. */
export const passed: CheckOutcome = { kind: 'passed', degraded: false }

/** The check could not be made. */
export const notReady: CheckOutcome = { kind: 'not-ready' }
