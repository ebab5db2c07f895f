import { type Document, type ErrorCode, isAlias, visit } from 'yaml'

import type { Diagnostic } from './diagnostic.ts'
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

/** What the YAML parser found wrong, as diagnostics with lines of the file. */
export function yamlFaults(file: string, parsed: PositionedDocument): readonly Diagnostic[] {
  const { errors, warnings } = parsed.document
  const seen = new Set<number>()
  const faults: Diagnostic[] = []
  const tags = warnings.filter((warning) => warning.code === 'TAG_RESOLVE_FAILED')
  for (const error of [...errors, ...tags, ...aliasFaults(parsed.document)]) {
    const { line } = parsed.lineCounter.linePos(error.pos[0])
    // One slip makes several complaints on its line; the first says what it is.
    if (seen.has(line)) continue
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

/** Aliases whose anchor does not stand above them, or that stand inside their own anchor. */
function aliasFaults(document: Document): readonly Complaint[] {
  const anchors = new Set<string>()
  const faults: Complaint[] = []
  const complain = (message: string, range: readonly number[] | null | undefined): void => {
    faults.push({ code: 'BAD_ALIAS', message, pos: [range?.[0] ?? 0, range?.[1] ?? 0] })
  }
  visit(document, {
    Node: (_, node, parents) => {
      if (!isAlias(node)) {
        if ('anchor' in node && typeof node.anchor === 'string') anchors.add(node.anchor)
        return
      }
      const around = parents.some((parent) => 'anchor' in parent && parent.anchor === node.source)
      if (around) complain(`Alias *${node.source} stands inside what it names`, node.range)
      else if (!anchors.has(node.source)) complain(`Alias *${node.source} names no anchor above it`, node.range)
    },
  })
  return faults
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
