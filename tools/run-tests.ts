import { resolve } from 'node:path'

/** What a run of the test runner counted. */
export interface TestCounts {
  readonly passed: number
  readonly failed: number
}

/** Root of the checkout. */
export const root: string = resolve(import.meta.dir, '..')

/** Whether a folder holds tests. */
export function hasTests(folder: string): boolean {
  return new Bun.Glob(`${folder}/**/*.test.ts`).scanSync({ cwd: root }).next().done !== true
}

/** Runs `bun test` with the arguments, shows its report as it comes, and counts. A run that died counts as one failure. */
export async function runTests(argv: readonly string[]): Promise<TestCounts> {
  const run = Bun.spawn([process.execPath, 'test', '--timeout', '120000', ...argv], {
    cwd: root,
    stdout: 'inherit',
    stderr: 'pipe',
  })
  let report = ''
  const decoder = new TextDecoder()
  for await (const bytes of run.stderr) {
    process.stderr.write(bytes)
    report += decoder.decode(bytes, { stream: true })
  }
  const exitCode = await run.exited
  // oxlint-disable-next-line no-control-regex -- the runner colours its counts
  const plain = report.replaceAll(/\u001b\[[0-9;]*m/g, '')
  const failed = count(plain, /^\s*(\d+) fail$/gm)
  return { passed: count(plain, /^\s*(\d+) pass$/gm), failed: exitCode !== 0 && failed === 0 ? 1 : failed }
}

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0)
}
