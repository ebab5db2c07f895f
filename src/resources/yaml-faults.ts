import type { ErrorCode, YAMLError } from 'yaml'

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
  for (const error of [...errors, ...warnings.filter((warning) => warning.code === 'TAG_RESOLVE_FAILED')]) {
    const { line } = parsed.lineCounter.linePos(error.pos[0])
    // One slip makes several complaints on its line; the first says what it is.
    if (seen.has(line)) continue
    seen.add(line)
    faults.push(yamlFault(file, parsed, error))
  }
  return faults
}

function yamlFault(file: string, parsed: PositionedDocument, error: YAMLError): Diagnostic {
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
