import { type Document, type ErrorCode, isAlias, isMap, isScalar, type Scalar, visit, type YAMLMap } from 'yaml'

import type { Diagnostic } from './diagnostic.ts'
import { limits } from './limits.ts'
import type { PositionedDocument } from './position.ts'

const remedies: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: 'Indent with spaces',
  BAD_INDENT: 'Indent the fields of one map by the same number of spaces',
  DUPLICATE_KEY: 'Keep one of the two',
  MISSING_CHAR: 'Close the quote or bracket, or put a space after the colon',
  BAD_ALIAS: 'Name an anchor (&name) that stands above',
  TAG_RESOLVE_FAILED: 'Remove the tag',
  UNEXPECTED_TOKEN: 'Put the value in quotes',
}

/** What is wrong with a document as YAML, as diagnostics with lines of the file; at most `limits.diagnosticsPerDocument`. */
export function yamlFaults(file: string, parsed: PositionedDocument): readonly Diagnostic[] {
  const { errors, warnings } = parsed.document
  const seen = new Set<number>()
  const faults: Diagnostic[] = []
  const tags = warnings.filter((warning) => warning.code === 'TAG_RESOLVE_FAILED')
  for (const error of [...errors, ...tags, ...nodeFaults(parsed.document)]) {
    const { line } = parsed.lineCounter.linePos(error.pos[0])
    // One slip makes several complaints on its line; the first says what it is.
    if (seen.has(line) || faults.length >= limits.diagnosticsPerDocument) continue
    seen.add(line)
    faults.push(yamlFault(file, parsed, error))
  }
  return faults
}

interface Complaint {
  readonly code: ErrorCode
  readonly message: string
  readonly pos: readonly [number, number]
}

/** Keys that a map has twice, aliases whose anchor does not stand above them, and aliases inside what they name. */
function nodeFaults(document: Document): readonly Complaint[] {
  const anchors = new Set<string>()
  const faults: Complaint[] = []
  const complain = (code: ErrorCode, message: string, range: readonly number[] | null | undefined): void => {
    faults.push({ code, message, pos: [range?.[0] ?? 0, range?.[1] ?? 0] })
  }
  visit(document, {
    Node: (_, node, parents) => {
      if (isMap(node)) {
        for (const key of duplicateKeys(node)) {
          complain('DUPLICATE_KEY', `Key ${JSON.stringify(key.value)} stands twice in one map`, key.range)
        }
      }
      if (!isAlias(node)) {
        if ('anchor' in node && typeof node.anchor === 'string') anchors.add(node.anchor)
        return
      }
      const around = parents.some((parent) => 'anchor' in parent && parent.anchor === node.source)
      if (around) complain('BAD_ALIAS', `Alias *${node.source} stands inside what it names`, node.range)
      else if (!anchors.has(node.source))
        complain('BAD_ALIAS', `Alias *${node.source} names no anchor above it`, node.range)
    },
  })
  return faults
}

/** Merge keys (`<<`) may stand more than once. */
function duplicateKeys(map: YAMLMap): readonly Scalar[] {
  const seen = new Set<unknown>()
  const duplicates: Scalar[] = []
  for (const { key } of map.items) {
    if (!isScalar(key) || key.value === '<<' || typeof key.value === 'symbol') continue
    if (seen.has(key.value)) duplicates.push(key)
    seen.add(key.value)
  }
  return duplicates
}

function yamlFault(file: string, parsed: PositionedDocument, error: Complaint): Diagnostic {
  const { line, col } = parsed.lineCounter.linePos(error.pos[0])
  const remedy = remedies[error.code]
  return {
    code: error.code === 'DUPLICATE_KEY' ? 'WEFT_YAML_DUPLICATE_KEY' : 'WEFT_YAML_SYNTAX',
    severity: 'error',
    file,
    line: Math.max(line, 1) + parsed.firstLine - 1,
    column: Math.max(col, 1),
    resource: '',
    field: '',
    message: error.message,
    ...(remedy === undefined ? {} : { remedy }),
  }
}

/** A document or file that asks for more than `limits` allows. */
export function limitFault(
  file: string,
  line: number,
  what: { readonly expected: string; readonly got: string; readonly remedy: string },
): Diagnostic {
  const message = `Expected ${what.expected}, got ${what.got}`
  return {
    code: 'WEFT_YAML_LIMIT',
    severity: 'error',
    file,
    line,
    column: 1,
    resource: '',
    field: '',
    message,
    ...what,
  }
}
