/**
 * The messages of the llhttp corpus against `src/wire/http1`: each must be taken with the same parts and the same ends, or be
 * refused, as llhttp does when it is strict; cut anywhere, it must come out the same. Where we differ stands in
 * `docs/llhttp-differences.md`, which this judge reads: a difference that is not listed fails, one that is listed and gone fails too.
 */
import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'

import { HeadFault } from '../../src/wire/http1/index.ts'
import { root } from '../run-tests.ts'
import { type CorpusCase, readCorpus } from './llhttp-corpus.ts'
import { differencesOf, type Outcome, quoted } from './llhttp-outcome.ts'
import { StreamReader } from './llhttp-reader.ts'
import { readListedDifferences } from './listed-differences.ts'

const corpus = resolve(root, '../shared/corpora/llhttp')
const listing = `${root}/docs/llhttp-differences.md`
const hostLine = 'Host: llhttp.test'
/** More messages than any case has. */
const maxMessages = 20

/** Compares the whole corpus; prints what is wrong. */
export function run(): Promise<{ readonly passed: number; readonly failed: number }> {
  if (!existsSync(corpus)) {
    console.log('The folder ../shared/corpora/llhttp does not exist: nothing to compare with')
    return Promise.resolve({ passed: 0, failed: 0 })
  }
  const cases = ['request', 'response'].flatMap((kind) =>
    readdirSync(`${corpus}/${kind}`)
      .toSorted()
      .flatMap((file) => readCorpus(`${corpus}/${kind}/${file}`, `${kind}/${file}`)),
  )
  const strict = cases.filter(({ skipped }) => skipped === '')
  if (strict.length === 0) throw new Error(`Expected strict cases in ${corpus}`)
  const listed = readListedDifferences(listing)
  const repairs = new Map<string, number>()
  const faults: string[] = []
  for (const subject of strict) {
    const fault = judge(subject, listed.get(subject.name), repairs)
    if (fault !== '') faults.push(`${subject.name}\n  ${fault}`)
  }
  const names = new Set(strict.map(({ name }) => name))
  for (const name of listed.keys()) if (!names.has(name)) faults.push(`${name}\n  is listed, and no strict case`)
  for (const fault of faults) console.log(fault)
  for (const [repair, count] of repairs)
    console.log(`llhttp: ${count} cases refused for ${repair}, and compared without that`)
  console.log(`llhttp: ${cases.length - strict.length} cases are lenient or about the parser's interface, not compared`)
  console.log(`llhttp: ${listed.size} differences are listed`)
  return Promise.resolve({ passed: Math.max(strict.length - faults.length, 0), failed: faults.length })
}

/** What is wrong with a case; empty when nothing is. */
function judge(subject: CorpusCase, listed: string | undefined, repairs: Map<string, number>): string {
  const repaired = repair(subject, repairs)
  const actual = readWhole(repaired, repaired.input)
  const uneven = unevenCut(repaired, actual)
  if (uneven !== '') return uneven
  const differences = differencesOf(repaired.expected, original(actual, repaired.inserted))
  const found =
    differences.length === 0 ? '' : actual.state === 'refused' ? `refused: ${actual.reason}` : differences.join('; ')
  if (found === (listed ?? '')) return ''
  if (listed === undefined)
    return `differs and is not listed: ${found} (llhttp: ${subject.expected.reason || subject.expected.state})`
  return found === '' ? `does not differ, and is listed: ${listed}` : `differs: ${found}; listed is: ${listed}`
}

interface Repaired extends CorpusCase {
  /** Offsets where a `Host` was put in. */
  readonly inserted: readonly number[]
}

/**
 * Two things that llhttp lets pass and we refuse everywhere would hide what the cases are about. They are taken away, after it was
 * seen that they are refused: a fragment in the target, and a request of HTTP/1.1 without `Host`.
 */
function repair(subject: CorpusCase, repairs: Map<string, number>): Repaired {
  let { input, expected } = subject
  const count = (name: string): void => void repairs.set(name, (repairs.get(name) ?? 0) + 1)
  const inserted: number[] = []
  if (subject.kind === 'response') return { ...subject, inserted }
  const fragment = /^\S+ \S*#\S* HTTP\//.exec(input.toString('latin1'))
  if (fragment !== null && faultOf(subject, input) === HeadFault.target) {
    count('a fragment in the target')
    const withoutMark = (line: string): string => line.replace('#', '_')
    input = Buffer.from(withoutMark(input.toString('latin1')), 'latin1')
    const [first, ...others] = expected.messages
    const messages = first === undefined ? [] : [{ ...first, startLine: withoutMark(first.startLine) }, ...others]
    expected = { ...expected, messages }
  }
  while (inserted.length < maxMessages) {
    const reader = readerOf(subject, input)
    // A reader stops in front of the blank line only when what the head lacks is at fault.
    if (reader.fault !== HeadFault.host || input[reader.blankLine] !== 13) break
    const at = reader.blankLine
    inserted.push(at)
    input = Buffer.concat([input.subarray(0, at), Buffer.from(`${hostLine}\r\n`), input.subarray(at)])
  }
  if (inserted.length > 0) count('want of Host')
  return { ...subject, input, expected, inserted }
}

function readerOf(subject: CorpusCase, input: Buffer): StreamReader {
  const ends = subject.expected.state.startsWith('finish')
  const reader = new StreamReader({ kind: subject.kind, toHead: subject.skipBody, ends })
  reader.push(input)
  return reader
}

function faultOf(subject: CorpusCase, input: Buffer): number {
  return readerOf(subject, input).fault
}

function readWhole(subject: CorpusCase, input: Buffer): Outcome {
  return readerOf(subject, input).outcome()
}

/** The outcome in offsets of the message as it was before `Host` was put in. */
function original(outcome: Outcome, inserted: readonly number[]): Outcome {
  const back = (offset: number): number =>
    offset - (hostLine.length + 2) * inserted.filter((place) => place < offset).length
  const messages = outcome.messages.map((message) => ({
    ...message,
    begin: back(message.begin),
    end: message.end === undefined ? undefined : back(message.end),
    fields: message.fields.filter((field) => field !== hostLine),
  }))
  return { ...outcome, messages }
}

/** Two pieces, cut at every octet, and all octets one by one, must give what the whole gives. */
function unevenCut(subject: CorpusCase, whole: Outcome): string {
  const { input } = subject
  const ends = subject.expected.state.startsWith('finish')
  const readPieces = (pieces: readonly Buffer[]): string => {
    const reader = new StreamReader({ kind: subject.kind, toHead: subject.skipBody, ends })
    for (const piece of pieces) reader.push(piece)
    return quoted(reader.outcome())
  }
  const expected = quoted(whole)
  for (let cut = 1; cut < input.length; cut += 1) {
    const found = readPieces([input.subarray(0, cut), input.subarray(cut)])
    if (found !== expected)
      return `comes out otherwise when it is cut behind octet ${cut}: ${found} instead of ${expected}`
  }
  const found = readPieces(Array.from(input, (octet) => Buffer.from([octet])))
  return found === expected ? '' : `comes out otherwise octet by octet: ${found} instead of ${expected}`
}
