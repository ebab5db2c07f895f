import { join } from 'node:path'

/** Compiles `bench/rig/NAME.go` or `NAME.c`, a program of one file without dependencies, into a folder; the path of the program. */
export function compileProgram(folder: string, name: string, language: 'go' | 'c'): string {
  const program = join(folder, name)
  const source = join(import.meta.dir, `${name}.${language}`)
  const argv = language === 'go' ? ['go', 'build', '-o', program, source] : ['cc', '-O2', '-o', program, source]
  const run = Bun.spawnSync(argv, { stderr: 'pipe' })
  if (run.exitCode !== 0) throw new Error(`${argv[0]} ended with ${run.exitCode}: ${run.stderr.toString()}`)
  return program
}
