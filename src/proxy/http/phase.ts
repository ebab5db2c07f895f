/**
 * Phases of an exchange:
 *
 *     head -> (parked: on-demand) -> (delayed: fault) -> upstream <-> backoff -> responding -> free
 *                                                          |                         |
 *                                                          +-- local reply ----------+--> tunnel (101)
 */
export const Phase = {
  free: 0,
  head: 1,
  parked: 2,
  delayed: 3,
  upstream: 4,
  backoff: 5,
  responding: 6,
  tunnel: 7,
} as const
