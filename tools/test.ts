/**
 * `npm test`: every test, in parallel processes; its last line is `N passed, N failed`. Arguments are passed on to
 * `bun test` (a folder, `-t NAME`).
 */
import { resolve } from 'node:path'

const root = resolve(import.meta.dir, '..')
const chosen = process.argv.slice(2)
const folders = chosen.length > 0 ? chosen : ['src', 'tools', 'test/golden', 'test/differential', 'test/e2e', 'examples']
const present = folders.filter((folder) => folder.startsWith('-') || chosen.length > 0 || hasTests(folder))

function hasTests(folder: string): boolean {
  return new Bun.Glob(`${folder}/**/*.test.ts`).scanSync({ cwd: root }).next().done !== true
}

const run = Bun.spawn([process.execPath, 'test', '--parallel', '--timeout', '60000', ...present.map((folder) => (chosen.length > 0 ? folder : `./${folder}/`))], {
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
const passed = count(/^\s*(\d+) pass$/gm)
let failed = count(/^\s*(\d+) fail$/gm)
// A run that died before it could count has failed, whatever it printed.
if (exitCode !== 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)

function count(pattern: RegExp): number {
  return [...plain.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0)
}
