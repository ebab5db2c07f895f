import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { freePort } from '../harness/free-port.ts'
import { parsePrometheus } from '../../src/cli/demo/parse-prometheus.ts'
import { isAlive, type ProxyProcess, startProxyProcess } from '../harness/proxy-process.ts'
import { staticBootstrap } from '../harness/static-bootstrap.ts'
import { startStrictLoad } from '../harness/strict-load.ts'
import { waitUntil } from '../harness/wait-until.ts'

let upstream: ReturnType<typeof Bun.serve>

beforeAll(() => {
  upstream = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('ok') })
})

afterAll(() => upstream.stop(true))

interface Bench extends AsyncDisposable {
  readonly proxy: ProxyProcess
  readonly port: number
  readonly ask: (path: string, method?: string) => Promise<{ readonly status: number; readonly text: string }>
  readonly workers: () => readonly number[]
}

async function setUp(): Promise<Bench> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const bootstrap = staticBootstrap([{ port, upstreamPort: upstream.port ?? 0 }], adminPort)
  const proxy = await startProxyProcess(bootstrap, ['--workers', '2', '--drain-time', '2s'])
  return {
    proxy,
    port,
    ask: async (path, method = 'GET') => {
      const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { method })
      return { status: response.status, text: await response.text() }
    },
    workers: () => {
      const { stdout } = Bun.spawnSync(['pgrep', '-P', String(proxy.pid)])
      return stdout.toString().trim().split('\n').filter(Boolean).map(Number)
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  }
}

function sumOf(text: string, name: string): number {
  return parsePrometheus(text)
    .filter((sample) => sample.name === name)
    .reduce((sum, { value }) => sum + value, 0)
}

describe('weft proxy --workers 2', () => {
  test('serves one port from both workers and answers for both on the admin port', async () => {
    await using bench = await setUp()
    const load = startStrictLoad({ port: bench.port, keepAlive: 4, fresh: 4 })
    const requests = 'envoy_http_downstream_rq_total'
    const of = async (worker: number) => sumOf((await bench.ask(`/stats/prometheus?worker=${worker}`)).text, requests)
    await waitUntil('both workers had requests', async () => (await of(0)) > 100 && (await of(1)) > 100, 10_000)
    const result = await load.stop()
    expect(result.failures).toEqual([])
    const { text } = await bench.ask('/stats/prometheus')
    expect(sumOf(text, requests)).toBe(result.requests)
    expect(sumOf(text, requests)).toBe((await of(0)) + (await of(1)))
    expect(text).toContain('weft_proxy_workers{state="ready"} 2')
    expect(text.match(new RegExp(`# TYPE ${requests} `, 'g'))).toHaveLength(1)
    const total = /::rq_total::(\d+)/.exec((await bench.ask('/clusters')).text)?.[1]
    expect(Number(total)).toBe(result.requests)
    expect(await bench.ask('/ready')).toEqual({ status: 200, text: 'LIVE\n' })
    expect(await bench.ask('/listeners')).toEqual({ status: 200, text: `in_0::127.0.0.1:${bench.port}\n` })
    expect((await bench.ask('/config_dump')).status).toBe(200)
  }, 30_000)

  test('replaces a killed worker while the other serves, and new connections wait instead of being refused', async () => {
    await using bench = await setUp()
    const [first = 0, second = 0] = bench.workers()
    process.kill(second, 'SIGKILL')
    const load = startStrictLoad({ port: bench.port, keepAlive: 0, fresh: 3 })
    await waitUntil('it is replaced', () => bench.workers().length === 2 && !bench.workers().includes(second), 10_000)
    await waitUntil('all are ready', async () => (await bench.ask('/ready')).status === 200, 10_000)
    expect((await load.stop()).failures).toEqual([])
    expect(bench.workers()).toContain(first)
    expect((await bench.ask('/stats/prometheus')).text).toContain('weft_proxy_worker_restarts_total 1')
  }, 30_000)

  test('is replaced worker by worker at SIGUSR2 without a failed request', async () => {
    await using bench = await setUp()
    const before = bench.workers()
    const load = startStrictLoad({ port: bench.port, keepAlive: 3, fresh: 3 })
    bench.proxy.kill('SIGUSR2')
    await waitUntil('both are replaced', async () => /Worker 1: process/.test(await bench.proxy.log()), 20_000)
    await waitUntil('the old workers have ended', () => before.every((pid) => !isAlive(pid)), 10_000)
    expect((await load.stop()).failures).toEqual([])
    expect(bench.workers()).toHaveLength(2)
    expect(isAlive(bench.proxy.pid)).toBe(true)
  }, 60_000)

  test('goes on with its workers when the bootstrap has become bad', async () => {
    await using bench = await setUp()
    const before = bench.workers()
    await writeFile(bench.proxy.bootstrapPath, 'static_resources: 7')
    bench.proxy.kill('SIGUSR2')
    await waitUntil('it is told', async () => (await bench.proxy.log()).includes('Hot restart failed'))
    expect(bench.workers()).toEqual(before)
    expect((await bench.ask('/ready')).status).toBe(200)
  }, 30_000)

  test('drains all workers at POST /drain_listeners and ends at SIGTERM', async () => {
    await using bench = await setUp()
    expect((await bench.ask('/drain_listeners', 'POST')).text).toBe('OK\n')
    await waitUntil('all drain', async () => (await bench.ask('/ready')).text.startsWith('DRAINING'))
    bench.proxy.kill('SIGTERM')
    expect(await bench.proxy.exited).toBe(0)
  }, 30_000)
})
