import { expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandInput } from '../command.ts'
import { processTerminal } from '../output/terminal.ts'
import { parsedOptions } from '../parsed-options.ts'
import { parseProxyOptions } from './proxy-command-options.ts'

function input(values: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string>> = {}): CommandInput {
  const context = { terminal: processTerminal(), env, cwd: '/work', readStdin: () => Promise.resolve('') }
  return { context, args: [], options: parsedOptions({ configPath: 'b.yaml', ...values }) }
}

test('parseProxyOptions() takes paths from the working directory and the defaults of Envoy and Weft', async () => {
  expect(await parseProxyOptions(input({ stateDir: 'state' }))).toMatchObject({
    bootstrapPath: '/work/b.yaml',
    stateDir: '/work/state',
    drainMs: 10_000,
    drainTimeMs: 600_000,
    workers: 0,
    handover: undefined,
    worker: undefined,
  })
})

test('parseProxyOptions() reads the number of workers', async () => {
  expect((await parseProxyOptions(input({ workers: '4' }))).workers).toBe(4)
  expect((await parseProxyOptions(input({ workers: 'auto' }))).workers).toBeGreaterThan(0)
  for (const workers of ['0', '129', '-1', 'many', '1.5'])
    expect(parseProxyOptions(input({ workers }))).rejects.toThrow('Expected auto or a number from 1 to 128')
})

test('parseProxyOptions() finds the proxy to take over from in its state directory', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'weft-state-'))
  expect((await parseProxyOptions(input({ stateDir, hotRestart: true }))).handover).toBeUndefined()
  await writeFile(join(stateDir, 'handover'), '4711 /tmp/weft x/handover\n')
  expect((await parseProxyOptions(input({ stateDir, hotRestart: true }))).handover).toBe('/tmp/weft x/handover')
  expect((await parseProxyOptions(input({ stateDir }))).handover).toBeUndefined()
  await rm(stateDir, { recursive: true })
})

test('parseProxyOptions() refuses --hot-restart without a state directory, and with workers', async () => {
  expect(parseProxyOptions(input({ hotRestart: true }))).rejects.toThrow('Expected --state-dir with --hot-restart')
  const both = input({ hotRestart: true, stateDir: '/x', workers: '2' })
  expect(parseProxyOptions(both)).rejects.toThrow('Expected --hot-restart without --workers')
})

test('parseProxyOptions() reads the place of a worker', async () => {
  const env = { WEFT_ENV_HANDOVER: '/tmp/a/sockets', WEFT_ENV_WORKER: '1 /tmp/a/admin-3' }
  expect(await parseProxyOptions(input({ workers: '2' }, env))).toMatchObject({
    handover: '/tmp/a/sockets',
    worker: { slot: 1, adminSocket: '/tmp/a/admin-3' },
  })
})
