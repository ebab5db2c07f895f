/** Longest time that an idle connection is kept in a drain for its client to be told by a response, ms. */
const maxIdleMs = 60_000

/** How long idle connections stay open in a drain of `drainMs`: half of it, at most a minute. */
export function idleTimeOf(drainMs: number): number {
  return Math.min(drainMs / 2, maxIdleMs)
}
