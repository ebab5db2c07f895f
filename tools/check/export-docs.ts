import type { SourceFile } from './source-files.ts'

const exported = /^export (?:declare |abstract |async )*(?:function\*?|const|let|class|interface|type) ([A-Za-z0-9_$]+)/

/** Exported declarations of `src/` that carry no doc comment, one line each. Re-exports are documented where they are declared. */
export function checkExportDocs(files: readonly SourceFile[]): readonly string[] {
  const faults: string[] = []
  for (const file of files) {
    if (file.path.endsWith('.test.ts')) continue
    const lines = file.text.split('\n')
    const seen = new Set<string>()
    for (const [index, line] of lines.entries()) {
      const name = exported.exec(line)?.[1]
      if (name === undefined || seen.has(name)) continue
      seen.add(name)
      const before = (lines[index - 1] ?? '').trim()
      if (!before.endsWith('*/')) faults.push(`${file.path}:${index + 1}: export ${name} has no doc comment`)
    }
  }
  return faults
}

/** `index.ts` files that do not open with a comment on what the folder is for. */
export function checkIndexComments(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter((file) => file.path.endsWith('/index.ts') && !file.text.startsWith('/**'))
    .map((file) => `${file.path}:1: index.ts does not open with a comment on what the folder is for`)
}
