import { type CST, Composer, type Document, LineCounter, Parser } from 'yaml'

import { ok, err, type Result } from '../base/index.ts'
import type { Diagnostic } from './diagnostic.ts'
import { limits } from './limits.ts'
import type { PositionedDocument } from './position.ts'
import type { DocumentText } from './split-documents.ts'
import { limitFault, yamlFaults } from './yaml-faults.ts'

/** A document that is good YAML, with its values as plain JSON. */
export interface ParsedDocument extends PositionedDocument {
  readonly text: string
  readonly value: unknown
}

/** Parses one document; all faults of its YAML are reported. Aliases are resolved up to `limits.aliasedValues`. */
export function parseDocument(file: string, source: DocumentText): Result<ParsedDocument, readonly Diagnostic[]> {
  const { text, firstLine } = source
  if (text.length > limits.documentCharacters) {
    const expected = `a document of at most ${limits.documentCharacters} characters`
    return err([limitFault(file, firstLine, { expected, got: String(text.length), remedy: 'Split the object' })])
  }
  const lineCounter = new LineCounter()
  const tokens = [...new Parser(lineCounter.addNewLine).parse(text)]
  const tooDeep = offsetBelow(tokens, limits.depth)
  if (tooDeep !== undefined) {
    const { line } = lineCounter.linePos(tooDeep)
    const expected = `at most ${limits.depth} maps and lists inside each other`
    return err([
      limitFault(file, firstLine + Math.max(line, 1) - 1, { expected, got: 'more', remedy: 'Flatten the document' }),
    ])
  }
  const document = compose(tokens, text)
  if (document === undefined) {
    return err([limitFault(file, firstLine, { expected: 'one document', got: 'none', remedy: 'Remove the marker' })])
  }
  const parsed = { document, lineCounter, firstLine }
  const faults = yamlFaults(file, parsed)
  if (faults.length > 0) return err(faults)
  const value = valueOf(document)
  if (!value.ok) {
    const expected = `aliases that stand for at most ${limits.aliasedValues} values`
    return err([limitFault(file, firstLine, { expected, got: value.error, remedy: 'Write the values out' })])
  }
  return ok({ ...parsed, text, value: value.value })
}

function compose(tokens: readonly CST.Token[], text: string): Document | undefined {
  // `merge`: Kubernetes tools resolve `<<: *anchor`, so files that use it must mean the same here.
  // `uniqueKeys`: the library compares every key with every other; `yamlFaults` looks for duplicates in linear time.
  const composer = new Composer({
    prettyErrors: false,
    merge: true,
    stringKeys: true,
    uniqueKeys: false,
    logLevel: 'silent',
  })
  const [document] = [...composer.compose(tokens, true, text.length)]
  return document
}

function valueOf(document: Document): Result<unknown, string> {
  try {
    const value: unknown = document.toJS({ maxAliasCount: limits.aliasedValues })
    // `.inf` and `.nan` stay visible as texts: JSON has no such numbers.
    const text = JSON.stringify(value ?? null, (_, item: unknown) =>
      typeof item === 'number' && !Number.isFinite(item) ? String(item) : item,
    )
    return ok(JSON.parse(text))
  } catch {
    return err('more')
  }
}

/** Offset of the first collection deeper than `depth`; by hand, because the composer recurses and would overflow the stack. */
function offsetBelow(tokens: readonly CST.Token[], depth: number): number | undefined {
  const stack: { readonly token: CST.Token; readonly depth: number }[] = tokens.map((token) => ({ token, depth: 0 }))
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { token } = entry
    if (token.type === 'document') {
      if (token.value !== undefined) stack.push({ token: token.value, depth: 1 })
    } else if ('items' in token) {
      if (entry.depth > depth) return token.offset
      for (const item of token.items) {
        if (item.key !== undefined && item.key !== null) stack.push({ token: item.key, depth: entry.depth + 1 })
        if (item.value !== undefined) stack.push({ token: item.value, depth: entry.depth + 1 })
      }
    }
  }
  return undefined
}
