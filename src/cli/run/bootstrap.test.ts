import { expect, test } from 'bun:test'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { readBootstrap } from '../../proxy/config/index.ts'
import { renderBootstrap } from './bootstrap.ts'

const input = {
  id: 'reviews-v2-1a2b3c',
  namespace: 'default',
  workload: 'reviews-v2',
  labels: { app: 'reviews', version: 'v2' },
  serviceAccount: 'bookinfo-reviews',
  adminPort: 15_900,
  xdsAddress: '127.0.0.1:15012',
  controlPlaneId: 'spiffe://cluster.local/ns/weft-system/sa/control-plane',
  sdsSocket: '/tmp/weft/sds.sock',
} as const

test('renderBootstrap() says who the proxy is as Istio proxies say it', () => {
  expect(parse(renderBootstrap(input)).node).toEqual({
    id: 'reviews-v2-1a2b3c',
    cluster: 'reviews-v2.default',
    metadata: {
      NAME: 'reviews-v2-1a2b3c',
      NAMESPACE: 'default',
      WORKLOAD_NAME: 'reviews-v2',
      LABELS: { app: 'reviews', version: 'v2' },
      SERVICE_ACCOUNT: 'bookinfo-reviews',
      CLUSTER_ID: 'weft',
    },
  })
})

test('renderBootstrap() resolves a control plane that is named by a host name', () => {
  const clusters: readonly { name: string; type: string }[] = parse(
    renderBootstrap({ ...input, xdsAddress: 'mesh.example.com:15012' }),
  ).static_resources.clusters
  expect(clusters.find(({ name }) => name === 'xds-grpc')?.type).toBe('STRICT_DNS')
})

test.skipIf(Bun.which('envoy') === null)(
  'renderBootstrap() is accepted by Envoy',
  async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'weft-bootstrap-')), 'bootstrap.yaml')
    await writeFile(file, renderBootstrap(input))
    const run = Bun.spawn(['envoy', '--mode', 'validate', '-c', file], { stdout: 'pipe', stderr: 'pipe' })
    const [out, error, code] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
      run.exited,
    ])
    expect({ code, text: code === 0 ? '' : out + error }).toEqual({ code: 0, text: '' })
  },
  20_000,
)

test("renderBootstrap() is accepted by Weft's own proxy", () => {
  const read = readBootstrap(renderBootstrap(input), { readFile: () => '' })
  expect(read.ok ? [] : read.error).toEqual([])
})
