import type { Diagnostic } from './diagnostic.ts'
import { parseEnvelope, resourceLabel } from './envelope.ts'
import { expandList, isList } from './expand-list.ts'
import { limits } from './limits.ts'
import { type ParsedDocument, parseDocument } from './parse-document.ts'
import { positionOf } from './position.ts'
import { type Resource, type ResourceKey, resourceKey } from './resource.ts'
import { type DocumentText, splitDocuments } from './split-documents.ts'
import { limitFault } from './yaml-faults.ts'

/** A file as the user gave it. */
export interface SourceFile {
  /** For positions only; nothing is read. `-` for standard input. */
  readonly path: string
  readonly text: string
  /** Line of the text's first line in the file, 1 by default; for an object that is parsed again from the store. */
  readonly firstLine?: number
}

/** How to parse. */
export interface ParseOptions {
  /** Namespace of objects that name none. */
  readonly defaultNamespace: string
}

/**
 * The objects of all files in order, and every fault found. Where a diagnostic is an error nothing may be stored: an object
 * with a faulty name or label is among the objects (with an empty name or none of the labels), so that its `spec` can be checked.
 */
export interface ParseResult {
  readonly resources: readonly Resource[]
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Parses files of any number of YAML (or JSON) documents. Documents of comments are skipped, `List` kinds are expanded, and
 * all faults of all files are collected; two objects of one key are a fault that names both places. Never throws.
 */
export function parseFiles(files: readonly SourceFile[], options: ParseOptions): ParseResult {
  const resources: Resource[] = []
  const diagnostics: Diagnostic[] = []
  for (const file of files) parseFile(file, options, resources, diagnostics)
  return { resources, diagnostics: [...diagnostics, ...findDuplicates(resources)] }
}

function parseFile(file: SourceFile, options: ParseOptions, resources: Resource[], diagnostics: Diagnostic[]): void {
  const { path, firstLine = 1 } = file
  if (file.text.length > limits.fileCharacters) {
    const expected = `a file of at most ${limits.fileCharacters} characters`
    diagnostics.push(limitFault(path, firstLine, { expected, got: String(file.text.length), remedy: 'Split the file' }))
    return
  }
  const documents = splitDocuments(file.text.replace(/^\uFEFF/, ''), firstLine)
  if (documents.length > limits.documents) {
    const expected = `at most ${limits.documents} documents in a file`
    diagnostics.push(limitFault(path, firstLine, { expected, got: String(documents.length), remedy: 'Split the file' }))
    return
  }
  for (const document of documents) {
    const found: Diagnostic[] = []
    for (const parsed of objectsOf(path, document, found)) {
      const resource = parseEnvelope(path, parsed, options.defaultNamespace, found)
      if (resource !== undefined) resources.push(resource)
    }
    for (const diagnostic of found) diagnostics.push(diagnostic)
  }
}

function objectsOf(path: string, document: DocumentText, found: Diagnostic[]): readonly ParsedDocument[] {
  const parsed = parseDocument(path, document)
  if (!parsed.ok) {
    for (const fault of parsed.error) found.push(fault)
    return []
  }
  if (!isList(parsed.value.value)) return parsed.value.value === null ? [] : [parsed.value]
  const items = expandList(parsed.value)
  if (items.length > limits.documents) {
    const expected = `at most ${limits.documents} items in a list`
    found.push(limitFault(path, document.firstLine, { expected, got: String(items.length), remedy: 'Split the list' }))
    return []
  }
  return items.flatMap((item) => {
    const alone = parseDocument(path, item)
    const again = alone.ok ? alone : parseDocument(path, item.fallback)
    if (again.ok) return [again.value]
    for (const fault of again.error) found.push(fault)
    return []
  })
}

/** Objects of one key: each but the first is a fault, placed at its name. */
function findDuplicates(resources: readonly Resource[]): readonly Diagnostic[] {
  const first = new Map<ResourceKey, Resource>()
  const faults: Diagnostic[] = []
  for (const resource of resources) {
    if (resource.name === '') continue
    const key = resourceKey(resource)
    const other = first.get(key)
    if (other === undefined) {
      first.set(key, resource)
      continue
    }
    const label = resourceLabel(resource)
    const place = `${other.file}:${positionOf(other, ['metadata', 'name']).line}`
    faults.push({
      code: 'WEFT_RESOURCE_DUPLICATE',
      severity: 'error',
      file: resource.file,
      ...positionOf(resource, ['metadata', 'name']),
      resource: label,
      field: 'metadata.name',
      message: `${label} is already defined at ${place}`,
      remedy: 'Keep one of the two, or apply the files one after the other',
    })
  }
  return faults
}
