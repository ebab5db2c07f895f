import type { FieldBlock } from '../hpack/field-block.ts'
import type { HeadFacts } from '../message/index.ts'

/** Verdicts that are kept; a power of two, and no more than blocks that a decoder remembers. */
const slots = 8

/** Verdicts on the latest blocks by their identity: a decoder gives out the same object for a short block that comes again. */
export class FactsMemory {
  readonly #blocks: (FieldBlock | undefined)[] = Array.from({ length: slots }, () => undefined)
  readonly #facts: (HeadFacts | undefined)[] = Array.from({ length: slots }, () => undefined)
  #next = 0

  /** The verdict on this very block, if it is kept. */
  of(block: FieldBlock): HeadFacts | undefined {
    const index = this.#blocks.indexOf(block)
    return index < 0 ? undefined : this.#facts[index]
  }

  /** Keeps a verdict, and answers it. */
  add(block: FieldBlock, facts: HeadFacts): HeadFacts {
    this.#blocks[this.#next] = block
    this.#facts[this.#next] = facts
    this.#next = (this.#next + 1) & (slots - 1)
    return facts
  }
}
