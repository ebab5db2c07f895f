/** A real Prometheus scrapes the proxies and answers queries that Istio's dashboards make. */
import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../harness/free-port.ts'
import { startTestMesh } from '../harness/test-mesh.ts'
import { waitUntil } from '../harness/wait-until.ts'

const installed = Bun.which('prometheus') !== null
if (!installed) console.log('prometheus.test.ts is skipped: prometheus is not installed (apt-get install prometheus)')

interface QueryAnswer {
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[]
  }
}

async function query(port: number, expression: string): Promise<QueryAnswer['data']['result']> {
  const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`
  const response = await fetch(url, { proxy: '' })
  const answer: QueryAnswer = JSON.parse(await response.text())
  return answer.data.result
}

async function startPrometheus(targets: readonly number[]): Promise<{ readonly port: number } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-prometheus-'))
  const port = await freePort()
  const scrape = {
    job_name: 'weft',
    metrics_path: '/stats/prometheus',
    static_configs: [{ targets: targets.map((target) => `127.0.0.1:${target}`) }],
  }
  const config = { global: { scrape_interval: '1s' }, scrape_configs: [scrape] }
  await Bun.write(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const argv = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`]
  const listen = `--web.listen-address=127.0.0.1:${port}`
  const run = Bun.spawn(['prometheus', ...argv, listen], { stdout: 'ignore', stderr: 'ignore' })
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      run.kill()
      await run.exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test.skipIf(!installed)(
  'Prometheus reads both ends of an edge with Istio names and labels',
  async () => {
    await using mesh = await startTestMesh()
    const [echo, client] = await Promise.all([mesh.start({ service: 'echo' }), mesh.start({ service: 'client' })])
    for (let count = 0; count < 50; count += 1) {
      expect((await client.request('http://echo:8080/hello')).status).toBe(200)
    }
    await using prometheus = await startPrometheus([echo.record.adminPort, client.record.adminPort])
    const byReporter = 'sum by (reporter, source_workload, destination_service_name) (istio_requests_total)'
    const seen = async (): Promise<readonly string[]> => {
      const rows = await query(prometheus.port, byReporter).catch(() => [])
      return rows
        .map(({ metric, value }) => `${metric['reporter']} ${metric['source_workload']} ${value[1]}`)
        .toSorted()
    }
    await waitUntil('both ends are scraped', async () => (await seen()).length === 2, 30_000)
    expect(await seen()).toEqual(['destination client-v1 50', 'source client-v1 50'])
    const bucket = 'sum by (le) (istio_request_duration_milliseconds_bucket{reporter="source"})'
    const [quantile] = await query(prometheus.port, `histogram_quantile(0.99, ${bucket})`)
    expect(Number(quantile?.value[1])).toBeGreaterThan(0)
    const targets = await query(prometheus.port, 'up')
    expect(targets.map(({ value }) => value[1])).toEqual(['1', '1'])
  },
  60_000,
)
