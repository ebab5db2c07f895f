import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { FuzzTarget } from './fuzz-target.ts'
import { minimise } from './minimise.ts'
import { SeededRandom } from './mutate.ts'

/** An input of `fuzz/corpus/TARGET/`. */
export interface KeptInput {
  readonly file: string
  readonly bytes: Buffer
}

/** Inputs that are kept for one target, findings of the past not counted. */
const maxFiles = 7

/** Longest kept input, bytes. */
const maxBytes = 1_500

/** What was a finding once; it stays whatever else is kept. */
const findingPrefix = 'finding-'

/** The kept inputs of a target, in the order of their names. */
export function readCorpus(target: string): readonly KeptInput[] {
  const folder = folderOf(target)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .toSorted()
    .map((file) => ({ file, bytes: readFileSync(join(folder, file)) }))
}

/**
 * Chooses anew what is kept of a run: Bun tells no coverage while it runs, so an answer with the size of its numbers stands for a
 * behaviour. Of some behaviours that are far from each other the shortest input is kept, made shorter still.
 *
 * @param found An input for each answer.
 * @returns How many files there are now.
 */
export async function keepInputs(target: FuzzTarget, found: ReadonlyMap<string, Buffer>): Promise<number> {
  const folder = folderOf(target.name)
  const seeded = new Set<string>()
  for (const seed of target.seeds) seeded.add(behaviour(await answerTo(target, seed)))
  const byBehaviour = new Map<string, Buffer>()
  for (const [answer, input] of found) {
    const kind = behaviour(answer)
    const known = byBehaviour.get(kind)
    if (input.length > maxBytes || seeded.has(kind)) continue
    if (known === undefined || known.length > input.length) byBehaviour.set(kind, input)
  }
  const chosen = spread([...byBehaviour.keys()].toSorted(), maxFiles)
  mkdirSync(folder, { recursive: true })
  for (const { file } of readCorpus(target.name)) if (!file.startsWith(findingPrefix)) rmSync(join(folder, file))
  for (const kind of chosen) {
    const input = byBehaviour.get(kind)
    if (input === undefined) continue
    const least = await minimise(input, async (shorter) => behaviour(await answerTo(target, shorter)) === kind)
    writeFileSync(join(folder, `${createHash('sha256').update(least).digest('hex').slice(0, 12)}.bin`), least)
  }
  return readCorpus(target.name).length
}

function folderOf(target: string): string {
  return join(import.meta.dir, 'corpus', target)
}

function behaviour(answer: string): string {
  return answer.replaceAll(/\d+/g, (digits) => `#${Math.ceil(Math.log2(Number(digits) + 1))}`)
}

function answerTo(target: FuzzTarget, input: Buffer): string | Promise<string> {
  return target.run(input, new SeededRandom(1), false)
}

/** Some of a list, as far from each other as can be: neighbours in a sorted list of answers are alike. */
function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list
  return Array.from({ length: count }, (_, index) => list[Math.floor((index * list.length) / count)]).filter(
    (item) => item !== undefined,
  )
}
