import { join } from 'node:path'

import { installed } from './process.ts'

/** Builds `bench/rig/NAME.go`, a program of one file without dependencies, into a folder; the path of the program. */
export function buildGoProgram(folder: string, name: string): string {
  if (!installed('go')) throw new Error(`The rig needs Go for ${name}.go: https://go.dev/dl`)
  const program = join(folder, name)
  const run = Bun.spawnSync(['go', 'build', '-o', program, join(import.meta.dir, `${name}.go`)], { stderr: 'pipe' })
  if (run.exitCode !== 0) throw new Error(`go build ${name}.go ended with ${run.exitCode}: ${run.stderr.toString()}`)
  return program
}
