import { resolve } from 'node:path'

/** Root of the checkout. */
export const root: string = resolve(import.meta.dir, '../..')

/** A hand-written TypeScript file. */
export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string
  readonly text: string
}

/** Hand-written TypeScript files under the given folders, sorted; generated ones and golden data left out. */
export async function sourceFiles(folders: readonly string[]): Promise<readonly SourceFile[]> {
  const files: SourceFile[] = []
  for (const folder of folders) {
    for await (const path of new Bun.Glob(`${folder}/**/*.{ts,tsx}`).scan({ cwd: root })) {
      if (path.includes('/generated/') || path.includes('/testdata/')) continue
      files.push({ path, text: await Bun.file(`${root}/${path}`).text() })
    }
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
