/**
 * Reads the Markdown of the llhttp corpus: a heading, a comment with the mode of the parser, a block with the message, a block with
 * the events that llhttp reports for it. The events are folded into what our codec can be asked about: an `Outcome`.
 */
import { readFileSync } from 'node:fs'

import { type Message, type Outcome, quoted } from './llhttp-outcome.ts'

/** One message, or several behind each other, and what llhttp makes of them. */
export interface CorpusCase {
  /** File and heading, with a number behind the second of the same name. */
  readonly name: string
  readonly kind: 'request' | 'response'
  /** Why it says nothing about strict parsing; empty when it does. */
  readonly skipped: string
  /** The user of the parser said that messages have no body (an answer to HEAD). */
  readonly skipBody: boolean
  readonly input: Buffer
  readonly expected: Outcome
}

const event = /^off=(?<off>\d+|NULL) (?:len=(?<len>\d+) )?(?<what>.*)$/

/** Parses one file of the corpus. */
export function readCorpus(path: string, file: string): CorpusCase[] {
  const text = readFileSync(path, 'utf8')
  const cases: CorpusCase[] = []
  const seen = new Map<string, number>()
  let heading = ''
  let meta: { readonly type: string; readonly skipBody: boolean } | undefined
  let input: Buffer | undefined
  const pattern =
    /^#+ (?<heading>.*)$|^<!-- meta=(?<meta>.*) -->$|^```(?<language>http|log)\n(?<body>[^]*?)(?:^|\n)```/gmu
  for (const { groups } of text.matchAll(pattern)) {
    if (groups?.['heading'] !== undefined) heading = groups['heading'].replaceAll('`', '')
    else if (groups?.['meta'] !== undefined) meta = readMeta(groups['meta'])
    else if (groups?.['language'] === 'http') input = unescapeInput(groups['body'] ?? '')
    else if (meta !== undefined && input !== undefined) {
      const base = `${file}: ${heading}`
      const count = (seen.get(base) ?? 0) + 1
      seen.set(base, count)
      const name = count === 1 ? base : `${base} (${count})`
      const kind = meta.type.startsWith('request') ? 'request' : 'response'
      const skipped = /-lenient-/.test(meta.type) ? meta.type : kind === 'request' && meta.skipBody ? 'skipBody' : ''
      const expected = readLog(groups?.['body'] ?? '', kind, input)
      cases.push({ name, kind, skipped, skipBody: meta.skipBody, input, expected })
      input = undefined
    }
  }
  return cases
}

function readMeta(json: string): { readonly type: string; readonly skipBody: boolean } {
  const meta: unknown = JSON.parse(json)
  if (typeof meta !== 'object' || meta === null || !('type' in meta)) throw new Error(`Expected a type: ${json}`)
  return { type: String(meta.type), skipBody: 'skipBody' in meta && meta.skipBody === true }
}

/** Lines end with CRLF unless a backslash ends them; escapes stand for one character each; the text is UTF-8. */
function unescapeInput(text: string): Buffer {
  const named: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', f: '\f' }
  const unescaped = text
    .replaceAll('\\\n', '')
    .replaceAll('\n', '\r\n')
    .replaceAll(/\\(?:x([0-9a-f]{1,2})|([0-7]{1,3})|([rntf]))/gi, (_, hex?: string, octal?: string, name?: string) =>
      name === undefined
        ? String.fromCodePoint(Number.parseInt(hex ?? octal ?? '', hex === undefined ? 8 : 16))
        : (named[name] ?? ''),
    )
  return Buffer.from(unescaped, 'utf8')
}

/** What is known of the message that is being read. */
interface Draft {
  begin: number
  /** Values of spans by name: method, url, version, status. */
  parts: Map<string, string>
  fields: { name: string; value: string }[]
  trailers: { name: string; value: string }[]
  body: string
  headComplete: boolean
  end: number | undefined
  fieldOpen: boolean
}

function readLog(log: string, kind: 'request' | 'response', input: Buffer): Outcome {
  const drafts: Draft[] = []
  let state = 'more'
  let refusal = ''
  for (const line of log.split('\n')) {
    const { off = '', len, what = '' } = event.exec(line)?.groups ?? {}
    const at = Number(off)
    const draft = drafts.at(-1)
    if (what === 'message begin') drafts.push(newDraft(at))
    else if (what.startsWith('finish=')) state = what
    else if (what.startsWith('error code=')) [state, refusal] = readError(what)
    else if (draft === undefined) continue
    else if (what.startsWith('span[')) {
      const name = what.slice(5, what.indexOf(']'))
      addSpan(draft, name, input.toString('latin1', at, at + Number(len)))
      checkSpan(what, input.toString('utf8', at, at + Number(len)))
    } else if (what === 'header_field complete') draft.fieldOpen = false
    else if (what.startsWith('headers complete')) draft.headComplete = true
    else if (what === 'message complete') draft.end = at
  }
  const messages = drafts.filter(({ headComplete }) => headComplete).map((draft) => toMessage(draft, kind))
  return { messages, state, reason: refusal }
}

/** The codes that are no refusal: 5 is data behind the last message of a connection, 22 the beginning of another protocol. */
function readError(what: string): [string, string] {
  const { code, reason = '' } = /^error code=(?<code>\d+) reason="(?<reason>.*)"$/.exec(what)?.groups ?? {}
  if (code === '5') return ['data behind the last message', '']
  return code === '22' ? ['tunnel', ''] : ['refused', reason]
}

function newDraft(begin: number): Draft {
  return {
    begin,
    parts: new Map(),
    fields: [],
    trailers: [],
    body: '',
    headComplete: false,
    end: undefined,
    fieldOpen: false,
  }
}

/** A span may come in pieces: each piece goes to the end of what there is. */
function addSpan(draft: Draft, name: string, text: string): void {
  const fields = draft.headComplete ? draft.trailers : draft.fields
  const last = fields.at(-1)
  if (name === 'body') draft.body += text
  else if (name === 'header_field') {
    if (draft.fieldOpen && last !== undefined) last.name += text
    else fields.push({ name: text, value: '' })
    draft.fieldOpen = true
  } else if (name === 'header_value') {
    if (last !== undefined) last.value += text
  } else draft.parts.set(name, `${draft.parts.get(name) ?? ''}${text}`)
}

/** Offsets and texts of the log must fit the message: if they do not, it was not unescaped as llhttp does it. */
function checkSpan(what: string, text: string): void {
  const shown = what.slice(what.indexOf('=') + 1)
  const found = text === '\r' ? 'cr' : text === '\n' ? 'lf' : text
  const plain = shown.startsWith('"') ? shown.slice(1, -1) : shown
  if (plain.replaceAll('\\t', '\t').replaceAll('\\f', '\f') !== found)
    throw new Error(`The log has ${shown}, the message ${quoted(text)}`)
}

function toMessage(draft: Draft, kind: 'request' | 'response'): Message {
  const part = (name: string): string => draft.parts.get(name) ?? ''
  const version = `HTTP/${part('version')}`
  return {
    begin: draft.begin,
    startLine: kind === 'request' ? `${part('method')} ${part('url')} ${version}` : `${version} ${part('status')}`,
    fields: draft.fields.map(({ name, value }) => `${name}: ${trimBlanks(value)}`),
    body: draft.body,
    trailers: draft.trailers.map(({ name, value }) => `${name}: ${trimBlanks(value)}`),
    end: draft.end,
  }
}

/** Blanks around a value are not part of it (RFC 9110 section 5.5). */
function trimBlanks(value: string): string {
  return value.replaceAll(/^[ \t]+|[ \t]+$/g, '')
}
