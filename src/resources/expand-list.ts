import { isSeq, stringify, type Node } from 'yaml'

import { isPlainMap } from './schema/index.ts'
import type { ParsedDocument } from './parse-document.ts'
import type { DocumentText } from './split-documents.ts'

/** Whether a document is a `List` (or `ServiceList`, ...) of objects rather than an object. */
export function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  return (
    isPlainMap(value) &&
    typeof value['kind'] === 'string' &&
    value['kind'].endsWith('List') &&
    Array.isArray(value['items'])
  )
}

/**
 * The items of a list as documents of their own. Their text is cut from the list's, kept in its columns, so lines and
 * columns stay those of the file. `fallback` is the item written anew, for one that cannot stand alone (it uses an alias).
 */
export function expandList(parsed: ParsedDocument): readonly (DocumentText & { readonly fallback: DocumentText })[] {
  if (!isList(parsed.value)) return []
  const node: unknown = parsed.document.get('items', true)
  const nodes = isSeq(node) ? node.items : []
  return parsed.value.items.map((value, index) => {
    const range = (nodes[index] as Node | undefined)?.range
    const start = range?.[0] ?? 0
    const { line, col } = parsed.lineCounter.linePos(start)
    const firstLine = parsed.firstLine + Math.max(line, 1) - 1
    const cut = parsed.text.slice(start, range?.[1] ?? parsed.text.length).trimEnd()
    return {
      text: `${' '.repeat(Math.max(col - 1, 0))}${cut}\n`,
      firstLine,
      fallback: { text: stringify(value), firstLine },
    }
  })
}
