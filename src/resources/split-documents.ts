/** One document of a file, before it is parsed. */
export interface DocumentText {
  readonly text: string
  /** Line in the file of the text's first line, 1-based. */
  readonly firstLine: number
}

const marker = /^(?:---|\.\.\.)(?=[ \t\r]|$)/
const withoutContent = /^\s*(?:#.*)?$/

/**
 * Cuts a file at its document markers; documents of nothing but comments are left out. A line that starts with `---` or
 * `...` and white space always ends a document, even inside a quoted text (YAML 1.2, 9.1.2), so no parser is needed.
 */
export function splitDocuments(text: string, firstLine = 1): readonly DocumentText[] {
  const documents: DocumentText[] = []
  const lines = text.split('\n')
  let start = 0
  const close = (end: number): void => {
    const found = documentOf(lines, start, end, firstLine)
    if (found !== undefined) documents.push(found)
  }
  for (const [index, line] of lines.entries()) {
    if (!marker.test(line)) continue
    close(index)
    // `--- {kind: Service}` carries content on the marker's own line; a directive ends at the marker.
    start = line.startsWith('---') && !withoutContent.test(line.slice(3)) ? index : index + 1
  }
  close(lines.length)
  return documents
}

function documentOf(lines: readonly string[], start: number, end: number, firstLine: number): DocumentText | undefined {
  let from = start
  let to = end
  while (from < to && (lines[from] ?? '').trim() === '') from += 1
  while (to > from && (lines[to - 1] ?? '').trim() === '') to -= 1
  const body = lines.slice(from, to)
  if (body.every((line) => withoutContent.test(line) || line.startsWith('%'))) return undefined
  return { text: `${body.join('\n')}\n`, firstLine: firstLine + from }
}
