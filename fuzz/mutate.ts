/** Numbers from a seed: the same seed gives the same run. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Uniform in [0, bound), a whole number (mulberry32). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * bound)
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)]
    if (found === undefined) throw new RangeError('Nothing to pick from')
    return found
  }
}

/** Octets at which parsers change their mind. */
const edgeOctets = [0, 9, 10, 13, 32, 34, 37, 45, 46, 47, 48, 58, 92, 127, 128, 192, 255]

/** A mutated input never grows beyond this, bytes. */
const maxInputBytes = 16_384

/** One change to an input, or up to six: octets, ranges, words of the dictionary, pieces of other inputs. */
export function mutate(
  input: Buffer,
  corpus: readonly Buffer[],
  dictionary: readonly string[],
  random: SeededRandom,
): Buffer {
  let bytes = input
  for (let rest = random.below(2) === 0 ? 1 : 1 + random.below(6); rest > 0; rest -= 1)
    bytes = mutateOnce(bytes, corpus, dictionary, random)
  return bytes.subarray(0, maxInputBytes)
}

function mutateOnce(
  bytes: Buffer,
  corpus: readonly Buffer[],
  dictionary: readonly string[],
  random: SeededRandom,
): Buffer {
  const at = random.below(bytes.length + 1)
  const length = random.below(Math.min(32, bytes.length - at) + 1)
  switch (random.below(8)) {
    case 0:
      return replace(bytes, at, 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << random.below(8))]))
    case 1:
      return replace(bytes, at, 1, Buffer.from([random.pick(edgeOctets)]))
    case 2:
      return replace(bytes, at, 0, Buffer.from([random.below(256)]))
    case 3:
      return replace(bytes, at, length, Buffer.alloc(0))
    case 4:
      return replace(bytes, at, 0, repeat(bytes.subarray(at, at + length), 1 + random.below(8)))
    case 5:
      return replace(bytes, at, length, Buffer.from(dictionary.length === 0 ? '' : random.pick(dictionary)))
    case 6: {
      const other = random.pick(corpus)
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))])
    }
    default:
      return bytes.subarray(0, at)
  }
}

function replace(bytes: Buffer, at: number, length: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)])
}

function repeat(bytes: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => bytes))
}
