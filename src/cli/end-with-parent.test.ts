import { expect, test } from 'bun:test'
import { waitUntil } from './run/index.ts'
import { selfCommand } from './self-command.ts'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('endWithParent() ends a process when its parent is killed', async () => {
  const parent = Bun.spawn(
    [
      process.execPath,
      '-e',
      `const child = Bun.spawn(JSON.parse(process.argv[1]), {
         env: { ...process.env, PORT: '0', WEFT_ENV_PARENT_PID: String(process.pid) }, stdout: 'ignore', stderr: 'ignore', detached: true })
       setTimeout(() => console.log(child.pid), 300)
       setInterval(() => {}, 1000)`,
      JSON.stringify([...selfCommand(), 'example', 'bookinfo-ratings']),
    ],
    { stdout: 'pipe' },
  )
  const first = await parent.stdout.getReader().read()
  const child = Number(new TextDecoder().decode(first.value))
  expect(isAlive(child)).toBe(true)
  parent.kill('SIGKILL')
  expect(await waitUntil(() => Promise.resolve(!isAlive(child)), { timeoutMs: 5_000 })).toBe(true)
}, 15_000)
