import { resolve } from 'node:path'

const entry = resolve(import.meta.dir, '../../bin/weft.ts')

/** How `weft` is started from this checkout. */
export const self: readonly string[] = [process.execPath, entry]

/** What a command of the command line did. */
export interface CommandOutcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one `weft` command to its end, as a user would. `input` goes to its standard input. */
export async function runWeft(argv: readonly string[], input = ''): Promise<CommandOutcome> {
  const run = Bun.spawn([...self, ...argv], {
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
    env: { ...process.env, NO_COLOR: '1' },
  })
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ])
  return { exitCode, stdout, stderr }
}
