import { FieldId, hashFieldName, type Head, type HeadWriter } from '../../wire/http1/index.ts'
import type { HeaderEdits } from '../route/index.ts'

/** Header edits of a route, made ready for writing. */
export interface PreparedEdits {
  /** Names whose lines are not copied, with their hashes. */
  readonly names: readonly string[]
  readonly hashes: readonly number[]
  /** Lines to append. */
  readonly lines: string
}

const prepared = new WeakMap<HeaderEdits, PreparedEdits>()

/** What frames a message is never a route's to change. */
const framingNames: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** Prepares edits once per object: routes hold frozen ones. */
export function prepareEdits(edits: HeaderEdits): PreparedEdits {
  const known = prepared.get(edits)
  if (known !== undefined) return known
  const names = [...edits.remove, ...edits.set.map(([name]) => name)].filter((name) => !framingNames.has(name))
  const lines = [...edits.set, ...edits.add]
    .filter(([name]) => !framingNames.has(name))
    .map(([name, value]) => `${name}: ${toFieldText(value)}\r\n`)
    .join('')
  const made = { names, hashes: names.map(hashFieldName), lines }
  prepared.set(edits, made)
  return made
}

/** Text as the octets of a field value: UTF-8, and without the octets that would end the line. */
export function toFieldText(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
}

/**
 * Copies the field lines of a head without the dropped ones, those that `Connection` names, and those that the edits
 * replace; then appends the edits' lines. Copying begins at `from`: with the start line, or at the first field.
 */
export function writeFields(
  writer: HeadWriter,
  head: Head,
  dropped: Uint8Array,
  from: number,
  edits: HeaderEdits | undefined,
  nominated: boolean,
): void {
  if (edits === undefined && !nominated) {
    writer.fields(head, dropped, from)
    return
  }
  const { names, hashes, lines } = edits === undefined ? noEdits : prepareEdits(edits)
  writer.copy(head.bytes, from, head.lineStart(0))
  for (let index = 0; index < head.count; index += 1) {
    const id = head.ids[index] ?? 0
    if (dropped[id] === 1) continue
    if (names.some((name, at) => head.isNamed(index, name, hashes[at] ?? 0))) continue
    if (nominated && id !== FieldId.host && head.isNominated(index)) continue
    writer.copy(head.bytes, head.lineStart(index), head.lineStart(index + 1))
  }
  writer.text(lines)
}

const noEdits: PreparedEdits = { names: [], hashes: [], lines: '' }
