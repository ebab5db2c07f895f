/** Draws of one block; every twentieth of [0, 1) comes once in each, so that shares in steps of 5 % are exact per block. */
const strata = 20

/**
 * Random numbers in [0, 1) that are evenly spread: out of each 20 in a row, one falls into each twentieth of the
 * interval, in random order and at a random place within it. A weighted choice made with them keeps its shares much
 * closer than with independent draws, and has no period that a client's own pattern could meet.
 *
 * Give each kind of choice a source of its own: two draws for one request from one source are not independent.
 *
 * @param random Uniform in [0, 1), independent draws.
 */
export function createStratifiedRandom(random: () => number): () => number {
  const order = new Uint8Array(strata)
  for (let index = 0; index < strata; index += 1) order[index] = index
  let next = 0
  return () => {
    const other = next + Math.floor(random() * (strata - next))
    const stratum = order[other] ?? 0
    order[other] = order[next] ?? 0
    order[next] = stratum
    next = next + 1 === strata ? 0 : next + 1
    return (stratum + random()) / strata
  }
}
