import type { SeededRandom } from './mutate.ts'

/** Longest input that is cut at each of its octets although it is neither a seed nor kept. */
const shortInput = 24

/** Of longer inputs one in so many is cut at each of its octets. */
const oneIn = 64

/** Longest input that is cut at each of its octets at all: the work grows with the square. */
const longestEach = 3_000

/**
 * Gives `check` ways to cut an input: octet by octet and in two at each octet when the input is short, when `thorough` asks for it and now and
 * then; and always in two at one place and in pieces of any length. A way is a function that answers the length of the next piece.
 */
export function forEachCut(
  length: number,
  random: SeededRandom,
  thorough: boolean,
  check: (nextLength: () => number) => void,
): void {
  if (length < 2) return
  check(() => 1 + random.below(random.below(4) === 0 ? 200 : 5))
  const cutInTwo = (at: number): void => {
    let next = at
    check(() => {
      const piece = next
      next = length
      return piece
    })
  }
  const each = length <= longestEach && (thorough || length <= shortInput || random.below(oneIn) === 0)
  if (!each) {
    cutInTwo(1 + random.below(length - 1))
    return
  }
  check(() => 1)
  for (let at = 1; at < length; at += 1) cutInTwo(at)
}
