import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type ControlPlane, startControlPlane } from '../../control/index.ts'
import { type ApiClient, createApiClient } from '../../control/rest/index.ts'
import { palette } from '../output/terminal.ts'
import { parsedOptions } from '../parsed-options.ts'
import { parseRunOptions } from './run-options.ts'
import type { RunRecord } from './state-directory.ts'
import { runWorkload } from './supervisor.ts'
import { waitUntil } from './wait-until.ts'

let plane: ControlPlane
let client: ApiClient

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'weft-run-'))
  plane = await startControlPlane({ dataDir, apiPort: 0, xdsPort: 0, storeKind: 'memory' })
  client = createApiClient({ serverFile: plane.serverFile })
})

afterAll(async () => {
  await plane[Symbol.asyncDispose]()
})

/** An application that writes its variables to the file named first and ends with code 7 on SIGTERM. */
const application = [
  process.execPath,
  '-e',
  `require('fs').writeFileSync(process.argv[1], JSON.stringify(process.env))
   Bun.serve({ hostname: '127.0.0.1', port: Number(process.env.PORT), fetch: () => new Response('ok') })
   process.on('SIGTERM', () => process.exit(7))`,
]

interface Running {
  readonly code: Promise<number>
  readonly signal: (name: NodeJS.Signals) => void
  readonly record: () => Promise<RunRecord>
  readonly printed: { text: string }
  readonly stateDir: string
  readonly health: () => Promise<string | undefined>
}

function start(id: string, command: readonly string[], values: Record<string, unknown> = {}): Running {
  const printed = { text: '' }
  let handler: (signal: NodeJS.Signals) => void = () => {}
  const code = runWorkload(
    parseRunOptions({
      options: parsedOptions({
        service: 'shop',
        version: 'v1',
        port: ['9080:auto'],
        id,
        drainTimeout: '1s',
        ...values,
      }),
      args: command,
    }),
    {
      context: {
        terminal: {
          out: () => {},
          err: (text) => void (printed.text += text),
          interactive: false,
          size: () => ({ columns: 80, rows: 24 }),
          color: palette(false),
        },
        env: process.env,
        cwd: process.cwd(),
        readStdin: () => Promise.resolve(''),
      },
      client,
      apiUrl: plane.api,
      dataDir: dirname(plane.serverFile),
      self: [process.execPath, join(import.meta.dir, 'testdata', 'stub-proxy.ts')],
      onRestart: () => {},
      onSignal: (next) => {
        handler = next
      },
    },
  )
  const stateDir = join(dirname(plane.serverFile), 'workloads', id)
  return {
    code,
    printed,
    stateDir,
    signal: (name) => handler(name),
    record: async () => JSON.parse(await readFile(join(stateDir, 'run.json'), 'utf8')),
    health: async () => (await client.listWorkloads()).workloads.find((workload) => workload.id === id)?.health,
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  expect(await waitUntil(condition, { timeoutMs: 8_000 })).toBe(true)
}

describe('runWorkload()', () => {
  test('runWorkload() registers, becomes ready, hands the application its surroundings, and on SIGTERM drains and deregisters', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'weft-app-')), 'env.json')
    const running = start('shop-a', [...application, file], { readyPath: '/health', upstream: ['db:5432'] })
    await until(async () => (await running.health()) === 'ready')
    const env: Record<string, string> = JSON.parse(await readFile(file, 'utf8'))
    const record = await running.record()
    expect(env['PORT']).toBe(String(record.ports[0]?.applicationPort))
    expect(env['HTTP_PROXY']).toBe(`http://127.0.0.1:${record.httpProxyPort}`)
    expect(env['DB_SERVICE_PORT']).toBe(String(record.upstreams[0]?.loopbackPort))
    for (const name of ['bootstrap.yaml', 'join-token', 'ca.pem', 'proxy.log'])
      expect(((await stat(join(running.stateDir, name))).mode & 0o777).toString(8)).toBe('600')
    expect(((await stat(running.stateDir)).mode & 0o777).toString(8)).toBe('700')
    running.signal('SIGTERM')
    await until(async () => ['draining', undefined].includes(await running.health()))
    expect(await running.code).toBe(7)
    expect(await running.health()).toBeUndefined()
    expect(existsSync(running.stateDir)).toBe(true)
  }, 15_000)

  test('runWorkload() ends with the code of the application', async () => {
    const running = start('shop-b', ['sh', '-c', 'exit 3'])
    expect(await running.code).toBe(3)
    expect(await running.health()).toBeUndefined()
  }, 15_000)

  test('runWorkload() answers 128 and the number when a signal ended the application', async () => {
    const running = start('shop-c', ['sh', '-c', 'kill -KILL $$'])
    expect(await running.code).toBe(137)
  }, 15_000)

  test('runWorkload() starts a killed proxy again on the same ports', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'weft-app-')), 'env.json')
    const running = start('shop-d', [...application, file])
    await until(async () => (await running.health()) === 'ready')
    const { adminPort } = await running.record()
    const proxyPid = async () =>
      Number(
        await fetch(`http://127.0.0.1:${adminPort}/pid`).then(
          (answer) => answer.text(),
          () => '0',
        ),
      )
    const first = await proxyPid()
    process.kill(first, 'SIGKILL')
    await until(async () => ![0, first].includes(await proxyPid()))
    expect(running.printed.text).toContain('proxy ended (SIGKILL), restarting now')
    running.signal('SIGTERM')
    expect(await running.code).toBe(7)
  }, 15_000)

  test.skipIf(Bun.which('envoy') === null)(
    'runWorkload() runs Envoy as the data plane, with the secrets that it needs',
    async () => {
      const file = join(await mkdtemp(join(tmpdir(), 'weft-app-')), 'env.json')
      const running = start('shop-f', [...application, file], { dataPlane: 'envoy' })
      await until(async () => (await running.health()) === 'ready')
      const { adminPort } = await running.record()
      const certs = await (await fetch(`http://127.0.0.1:${adminPort}/certs`)).text()
      expect(certs).toContain('spiffe://cluster.local/ns/default/sa/default')
      expect((await client.status()).proxies.find(({ id }) => id === 'shop-f')?.userAgent).toStartWith('envoy/')
      running.signal('SIGTERM')
      expect(await running.code).toBe(7)
    },
    20_000,
  )

  test('runWorkload() refuses a program that is not there before it registers anything', async () => {
    const running = start('shop-e', ['/no/such/program'])
    await expect(running.code).rejects.toMatchObject({ code: 'WEFT_RUN_COMMAND' })
    expect(await running.health()).toBeUndefined()
  })
})
