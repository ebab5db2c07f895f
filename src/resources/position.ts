import { isMap, isPair, isScalar, isSeq, type Document, type LineCounter, type Node, type Pair } from 'yaml'

import type { FieldPath } from './field-path.ts'
import type { Resource } from './resource.ts'

/** A place in a user's file; both 1-based. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A parsed document with what is needed to find places in it. */
export interface PositionedDocument {
  readonly document: Document
  readonly lineCounter: LineCounter
  /** Line in the file of the document's first line, 1-based. */
  readonly firstLine: number
}

/**
 * Finds where a field was written, in lines of the file. A missing field is placed at its nearest existing parent's key.
 * `key` asks for the position of the field's name, which is what to point at when the name itself is wrong.
 */
export function positionOf(
  resource: PositionedDocument | Resource,
  path: FieldPath,
  of: 'key' | 'value' = 'value',
): Position {
  const offset = offsetOf(resource.document, path, of)
  const { line, col } = resource.lineCounter.linePos(offset)
  return { line: Math.max(line, 1) + resource.firstLine - 1, column: Math.max(col, 1) }
}

function offsetOf(document: Document, path: FieldPath, of: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [depth, step] of path.entries()) {
    const last = depth === path.length - 1
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && keyText(item) === String(step))
      if (pair === undefined) return offset
      const keyOffset = startOf(pair.key) ?? offset
      if (last && of === 'key') return keyOffset
      node = pair.value
      const valueOffset = startOf(node)
      offset = last && isLeaf(node) && valueOffset !== undefined ? valueOffset : keyOffset
    } else if (isSeq(node) && typeof step === 'number') {
      const item: unknown = node.items[step]
      const itemOffset = startOf(item)
      if (itemOffset === undefined) return offset
      node = item
      offset = itemOffset
    } else {
      return offset
    }
  }
  return offset
}

/** A collection is pointed at by its key: `http:` says more than the first dash below it. */
function isLeaf(node: unknown): boolean {
  return !isMap(node) && !isSeq(node)
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : ''
}

function startOf(node: unknown): number | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? (node as Node).range : undefined
  return range === undefined || range === null ? undefined : range[0]
}
