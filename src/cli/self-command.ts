import { resolve } from 'node:path'

/** Root under which a compiled executable sees its own modules. */
const embeddedRoots = ['/$bunfs/', 'B:\\~BUN\\', 'B:/~BUN/'] as const

/**
 * The command by which Weft starts itself again: the executable alone when it was compiled, else the runtime with
 * `bin/weft.ts`.
 */
export function selfCommand(moduleDirectory: string = import.meta.dir): readonly string[] {
  if (isCompiled(moduleDirectory)) return [process.execPath]
  return [process.execPath, resolve(moduleDirectory, '..', '..', 'bin', 'weft.ts')]
}

/** True inside a single-file executable. */
export function isCompiled(moduleDirectory: string = import.meta.dir): boolean {
  return embeddedRoots.some((root) => `${moduleDirectory}/`.startsWith(root))
}
