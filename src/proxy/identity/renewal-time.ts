/** Share of a certificate's life by which renewals are spread, each way, so that a fleet does not come at once. */
const jitterShare = 0.05

/** First and longest pause after a failed renewal, milliseconds. */
const baseBackoffMs = 1000
const maxBackoffMs = 5 * 60_000

/** When to renew: at half of the life, give or take 5 % of it; milliseconds since the epoch. `random` is in [0, 1). */
export function renewalTime(
  validity: { readonly notBefore: number; readonly notAfter: number },
  random: number,
): number {
  const life = validity.notAfter - validity.notBefore
  return validity.notBefore + life / 2 + (random * 2 - 1) * life * jitterShare
}

/** Pause before the attempt that follows `failures` failed ones: doubling from 1 s to 5 min, the upper half of it drawn. */
export function retryPause(failures: number, random: number): number {
  const pause = Math.min(baseBackoffMs * 2 ** Math.min(failures - 1, 20), maxBackoffMs)
  return pause * (0.5 + random / 2)
}
