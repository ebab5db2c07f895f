import { parseArgs } from 'node:util'

import { mutate, SeededRandom } from './mutate.ts'

/** A parser under attack. */
export interface FuzzTarget {
  readonly name: string
  /** Inputs to begin with: good ones, and ones that were trouble once. */
  readonly seeds: readonly Buffer[]
  /** Words that the parser knows. */
  readonly dictionary: readonly string[]
  /**
   * Gives the parser one input and checks what must hold; throws when it does not. The answer says in a few words what the
   * parser made of it: an input with a new answer joins the corpus. `random` is for cuts and the like.
   */
  readonly run: (input: Buffer, random: SeededRandom) => string | Promise<string>
  /** Releases what `run` opened. */
  readonly close?: () => void
}

/** How long to go on, and from which seed. */
export interface FuzzOptions {
  readonly executions: number
  /** Ends earlier than `executions` when this is over. */
  readonly seconds?: number
  readonly seed: number
}

/** Inputs kept beside the seeds. */
const maxCorpus = 2_000

/**
 * Runs a target on its seeds and on mutations of them.
 *
 * @returns How many inputs were tried.
 * @throws {Error} On the first input for which something does not hold; the message holds the input, for `--input`.
 */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<number> {
  const random = new SeededRandom(options.seed)
  const corpus = [...target.seeds]
  const answers = new Set<string>()
  const deadline = options.seconds === undefined ? Infinity : performance.now() + options.seconds * 1000
  let count = 0
  for (; count < options.executions && performance.now() < deadline; count += 1) {
    const seed = target.seeds[count]
    const input = seed ?? mutate(random.pick(corpus), corpus, target.dictionary, random)
    // Only where the target waits for something: a promise for each input would take most of the time.
    const answer = attempt(target, input, random)
    const text = typeof answer === 'string' ? answer : await answer
    if (answers.has(text)) continue
    answers.add(text)
    if (seed === undefined && corpus.length < maxCorpus + target.seeds.length) corpus.push(Buffer.from(input))
  }
  return count
}

function attempt(target: FuzzTarget, input: Buffer, random: SeededRandom): string | Promise<string> {
  try {
    const answer = target.run(input, random)
    if (typeof answer === 'string') return answer
    return answer.catch((error: unknown) => {
      throw failure(target, input, error)
    })
  } catch (error) {
    throw failure(target, input, error)
  }
}

function failure(target: FuzzTarget, input: Buffer, cause: unknown): Error {
  const text = cause instanceof Error ? cause.message : String(cause)
  const again = `bun fuzz/${target.name}.ts --input ${input.toString('base64')}`
  return new Error(`${target.name}: ${text}\n  input: ${JSON.stringify(input.toString('latin1'))}\n  again: ${again}`, {
    cause,
  })
}

/** The script around a target: `[--seconds N] [--seed N] [--input BASE64]`; prints executions, exits 1 when something does not hold. */
export async function fuzzFromCommandLine(target: FuzzTarget): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      seed: { type: 'string' },
      input: { type: 'string' },
    },
  })
  try {
    if (values.input !== undefined) {
      console.log(await attempt(target, Buffer.from(values.input, 'base64'), new SeededRandom(1)))
      return
    }
    const seed = values.seed === undefined ? Date.now() % 1_000_000_007 : Number(values.seed)
    console.log(`${target.name}: seed ${seed}`)
    const count = await fuzz(target, { executions: Infinity, seconds: Number(values.seconds), seed })
    console.log(`${target.name}: ${count} executions, nothing found`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    if (error instanceof Error && error.cause instanceof Error) console.error(error.cause.stack)
    process.exitCode = 1
  } finally {
    target.close?.()
  }
}

/** Throws when what must hold does not. */
export function expectThat(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}
