import { parseArgs } from 'node:util'

import { keepInputs, readCorpus } from './corpus.ts'
import { minimise } from './minimise.ts'
import { mutate, SeededRandom } from './mutate.ts'
import { writeFinding } from './write-finding.ts'

/** A parser under attack. */
export interface FuzzTarget {
  readonly name: string
  /** Inputs to begin with: good ones, and ones that were trouble once. */
  readonly seeds: readonly Buffer[]
  /** Words that the parser knows. */
  readonly dictionary: readonly string[]
  /**
   * Gives the parser one input and checks what must hold; throws when it does not. The answer says in a few words what the
   * parser made of it: an input with a new answer joins the corpus. `random` is for cuts and the like; `thorough` for seeds and
   * kept inputs, which are cut at every octet whatever their length.
   */
  readonly run: (input: Buffer, random: SeededRandom, thorough: boolean) => string | Promise<string>
  /** Releases what `run` opened. */
  readonly close?: () => void
}

/** How long to go on, and from which seed. */
export interface FuzzOptions {
  readonly executions: number
  /** Ends earlier than `executions` when this is over, but not before every seed and kept input was tried. */
  readonly seconds?: number
  readonly seed: number
  /** Inputs that are tried behind the seeds, and mutated with them. */
  readonly corpus?: readonly Buffer[]
  /** CPU time that no input may take, ms; 1000 when nothing is said. */
  readonly maxCpuMs?: number
}

/** What a run without a finding did. */
export interface FuzzReport {
  readonly executions: number
  /** The shortest input of each answer, seeds left out. */
  readonly found: ReadonlyMap<string, Buffer>
}

/** The input for which something does not hold. */
export class FuzzFinding extends Error {
  readonly input: Buffer

  constructor(target: string, input: Buffer, cause: unknown) {
    const text = cause instanceof Error ? cause.message : String(cause)
    const again = `bun fuzz/${target}.ts --input ${input.toString('base64')}`
    const shown = JSON.stringify(input.toString('latin1'))
    super(`${target}: ${text}\n  input: ${shown}\n  again: ${again}`, { cause })
    this.input = input
  }
}

/** Inputs kept in memory beside the seeds. */
const maxCorpus = 2_000

/** Answers that are remembered; behind them nothing is new any more. */
const maxAnswers = 50_000

/** CPU time that no input of at most 16 KiB may take. */
const defaultMaxCpuMs = 1_000

/**
 * Runs a target on its seeds, on kept inputs, and on mutations of them.
 *
 * @throws {FuzzFinding} On the first input for which something does not hold, or that takes too much CPU time.
 */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const { maxCpuMs = defaultMaxCpuMs } = options
  const random = new SeededRandom(options.seed)
  const given = [...target.seeds, ...(options.corpus ?? [])]
  const corpus = [...given]
  const found = new Map<string, Buffer>()
  const start = performance.now()
  const deadline = options.seconds === undefined ? Infinity : start + options.seconds * 1000
  let now = start
  let count = 0
  for (; count < options.executions && (count < given.length || now < deadline); count += 1) {
    const kept = given[count]
    const input = kept ?? mutate(random.pick(corpus), corpus, target.dictionary, random)
    const before = now
    // Only where the target waits for something: a promise for each input would take most of the time.
    const answer = attempt(target, input, random, kept !== undefined)
    const text = typeof answer === 'string' ? answer : await answer
    now = performance.now()
    if (now - before > maxCpuMs / 2) await checkTime(target, input, maxCpuMs)
    const shortest = found.get(text)
    if (shortest === undefined ? found.size >= maxAnswers : shortest.length <= input.length) continue
    found.set(text, Buffer.from(input))
    if (kept === undefined && shortest === undefined && corpus.length < maxCorpus + given.length)
      corpus.push(Buffer.from(input))
  }
  return { executions: count, found }
}

function attempt(target: FuzzTarget, input: Buffer, random: SeededRandom, thorough: boolean): string | Promise<string> {
  try {
    const answer = target.run(input, random, thorough)
    if (typeof answer === 'string') return answer
    return answer.catch((error: unknown) => {
      throw new FuzzFinding(target.name, Buffer.from(input), error)
    })
  } catch (error) {
    throw new FuzzFinding(target.name, Buffer.from(input), error)
  }
}

/** Time on the clock says little on a busy machine: a suspect is tried a second time, and its CPU time looked at. */
async function checkTime(target: FuzzTarget, input: Buffer, maxCpuMs: number): Promise<void> {
  const before = process.cpuUsage()
  await attempt(target, input, new SeededRandom(1), false)
  const { user } = process.cpuUsage(before)
  if (user / 1000 > maxCpuMs) {
    throw new FuzzFinding(target.name, Buffer.from(input), new Error(`${Math.round(user / 1000)} ms of CPU time`))
  }
}

/**
 * The script around a target: `[--seconds N] [--seed N] [--input BASE64] [--keep]`. Prints one line; a finding is minimised, written to
 * `fuzz/findings/` and makes the exit code 1. `--keep` puts what the run found into `fuzz/corpus/`.
 */
export async function fuzzFromCommandLine(target: FuzzTarget): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      seed: { type: 'string' },
      input: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  const seed = values.seed === undefined ? Date.now() % 1_000_000_007 : Number(values.seed)
  try {
    if (values.input !== undefined) {
      console.log(await attempt(target, Buffer.from(values.input, 'base64'), new SeededRandom(1), true))
      return
    }
    await fuzzForSeconds(target, Number(values.seconds), seed, values.keep)
  } catch (error) {
    process.exitCode = 1
    await report(target, seed, error)
  } finally {
    target.close?.()
  }
}

async function fuzzForSeconds(target: FuzzTarget, seconds: number, seed: number, keep: boolean): Promise<void> {
  const corpus = readCorpus(target.name)
  const start = performance.now()
  const { executions, found } = await fuzz(target, {
    executions: Infinity,
    seconds,
    seed,
    corpus: corpus.map(({ bytes }) => bytes),
  })
  const rate = Math.round(executions / ((performance.now() - start) / 1000))
  const counts = `${executions} inputs, ${rate}/s, corpus ${corpus.length} kept, ${found.size} answers`
  console.log(`${target.name}: ${counts}, seed ${seed}, 0 findings`)
  if (keep) console.log(`${target.name}: ${await keepInputs(target, found)} inputs are kept now`)
}

async function report(target: FuzzTarget, seed: number, error: unknown): Promise<void> {
  if (!(error instanceof FuzzFinding)) {
    console.error(error)
    return
  }
  const least = await minimise(error.input, async (input) => (await failureOf(target, input))?.message !== undefined)
  const finding = (await failureOf(target, least)) ?? error
  console.error(finding.message)
  if (finding.cause instanceof Error) console.error(finding.cause.stack)
  const path = writeFinding(target.name, seed, finding)
  console.log(`${target.name}: seed ${seed}, 1 finding: ${path}`)
}

/** What does not hold for an input; undefined when all does. */
async function failureOf(target: FuzzTarget, input: Buffer): Promise<FuzzFinding | undefined> {
  try {
    await attempt(target, input, new SeededRandom(1), true)
    return undefined
  } catch (error) {
    return error instanceof FuzzFinding ? error : undefined
  }
}

/** Throws when what must hold does not. */
export function expectThat(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}
