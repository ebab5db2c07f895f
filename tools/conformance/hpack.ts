/**
 * HPACK: every story of `../shared/corpora/hpack` must decode to its fields, and what our encoder makes of the same fields must be
 * decoded, by our decoder and by the PyPI package `hpack`, to the same again.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'

import { type FieldBlock, HpackDecoder, HpackEncoder, Indexing, indexingOf } from '../../src/wire/http2/index.ts'
import { root } from '../run-tests.ts'
import type { Verdict } from './verdict.ts'

const corpus = `${root}/../shared/corpora/hpack`

/** Stories change the table up to the largest size that they were recorded with. */
const limits = { tableBytes: 65_536, fieldCount: 1000 }

const storySchema = z.object({
  cases: z.array(
    z.object({
      wire: z.string(),
      header_table_size: z.number().int().optional(),
      headers: z.array(z.record(z.string(), z.string())),
    }),
  ),
})

type Field = readonly [name: string, value: string]

interface Case {
  readonly wire: Buffer
  readonly tableSize: number | undefined
  readonly fields: readonly Field[]
}

interface Story {
  readonly name: string
  readonly cases: readonly Case[]
}

const pythonSchema = z.array(z.array(z.union([z.string(), z.array(z.tuple([z.string(), z.string(), z.boolean()]))])))

/** Judges the HPACK codec; nothing passes or fails when there is no corpus. */
export async function run(): Promise<{ readonly passed: number; readonly failed: number }> {
  const { passed, faults } = await judgeHpack()
  for (const fault of faults) console.log(`FAILED ${fault}`)
  return { passed, failed: faults.length }
}

async function judgeHpack(): Promise<Verdict> {
  if (!existsSync(corpus)) {
    console.log('The folder ../shared/corpora/hpack does not exist: nothing to judge by')
    return { passed: 0, faults: [] }
  }
  const stories = readdirSync(corpus).flatMap(readStories)
  const encoded = stories.map(encodeStory)
  const verdicts = [
    ...stories.map((story) => compare(`decode ${story.name}`, story, decodeStory(story))),
    ...encoded.map((story) => compare(`encode ${story.name}, by our decoder`, story, decodeStory(story))),
    await judgeByPython(encoded),
  ]
  const octets = (all: readonly Story[]): number =>
    all.flatMap(({ cases }) => cases).reduce((sum, { wire }) => sum + wire.length, 0)
  const nghttp2 = (story: Story): boolean => story.name.startsWith('nghttp2/')
  const [ours, theirs] = [octets(encoded.filter(nghttp2)), octets(stories.filter(nghttp2))]
  console.log(`octets of the same fields: ours ${ours}, nghttp2 ${theirs}`)
  return {
    passed: verdicts.reduce((sum, { passed }) => sum + passed, 0),
    faults: verdicts.flatMap(({ faults }) => faults),
  }
}

function readStories(encoder: string): readonly Story[] {
  return readdirSync(`${corpus}/${encoder}`)
    .filter((file) => /^story_\d+\.json$/.test(file))
    .map((file) => {
      const { cases } = storySchema.parse(JSON.parse(readFileSync(`${corpus}/${encoder}/${file}`, 'utf8')))
      return {
        name: `${encoder}/${file}`,
        cases: cases.map(({ wire, header_table_size: tableSize, headers }) => ({
          wire: Buffer.from(wire, 'hex'),
          tableSize,
          // JSON is UTF-8; the octets of a value are its characters.
          fields: headers.flatMap((fields) =>
            Object.entries(fields).map(([name, value]): Field => [name, Buffer.from(value).toString('latin1')]),
          ),
        })),
      }
    })
}

/** What the blocks of a story are decoded to, or why not. */
function decodeStory(story: Story): readonly unknown[] {
  const decoder = new HpackDecoder(limits)
  return story.cases.map(({ wire, tableSize }) => {
    if (tableSize !== undefined) decoder.setTableLimit(tableSize)
    const block = decoder.decode(wire)
    if (typeof block === 'string') return block
    return block.tooLarge ? 'too large' : fieldsOf(block)
  })
}

function fieldsOf(block: FieldBlock): readonly Field[] {
  return block.names.map((name, index): Field => [name, block.values[index] ?? ''])
}

/** The same story with the blocks of our encoder. */
function encodeStory(story: Story): Story {
  const encoder = new HpackEncoder(limits)
  const cases = story.cases.map((one) => {
    if (one.tableSize !== undefined) encoder.setTableLimit(one.tableSize)
    encoder.begin()
    for (const [name, value] of one.fields) encoder.field(name, value)
    return { ...one, wire: Buffer.from(encoder.bytes.subarray(0, encoder.length)) }
  })
  return { name: story.name, cases }
}

function compare(
  name: string,
  story: Story,
  decoded: readonly unknown[],
  expectedOf: (fields: readonly Field[]) => unknown = (fields) => fields,
): Verdict {
  const faults = story.cases.flatMap(({ fields }, index) => {
    const expected = expectedOf(fields)
    if (isDeepStrictEqual(decoded[index], expected)) return []
    return [`${name}, block ${index}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(decoded[index])}`]
  })
  return { passed: story.cases.length - faults.length, faults }
}

async function judgeByPython(stories: readonly Story[]): Promise<Verdict> {
  if (Bun.spawnSync(['python3', '-c', 'import hpack']).exitCode !== 0) {
    console.log('Python has no package hpack (pip install hpack): our encoder is judged by our decoder alone')
    return { passed: 0, faults: [] }
  }
  const request = stories.map(({ cases }) =>
    cases.map(({ wire, tableSize }) => ({ wire: wire.toString('hex'), tableSize: tableSize ?? null })),
  )
  const run = Bun.spawn(['python3', `${import.meta.dir}/decode-hpack.py`], {
    stdin: Buffer.from(JSON.stringify(request)),
    stderr: 'inherit',
  })
  const answers = pythonSchema.parse(JSON.parse(await new Response(run.stdout).text()))
  const verdicts = stories.map((story, index) =>
    compare(`encode ${story.name}, by Python hpack`, story, answers[index] ?? [], withMarks),
  )
  return {
    passed: verdicts.reduce((sum, { passed }) => sum + passed, 0),
    faults: verdicts.flatMap(({ faults }) => faults),
  }
}

/** With the mark of sensitive fields, which must arrive. */
function withMarks(fields: readonly Field[]): unknown {
  return fields.map(([name, value]) => [name, value, indexingOf(name, value) === Indexing.never])
}
