/** A proxy with workers in a mesh: one identity, a stream to the control plane for each worker, changes enforced when all have them. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderBootstrap } from '../../src/cli/run/bootstrap.ts'
import { freePort } from '../harness/free-port.ts'
import { failures, startLoad } from '../harness/load.ts'
import { startProxyProcess } from '../harness/proxy-process.ts'
import { startTestMesh, type TestMesh } from '../harness/test-mesh.ts'
import { waitUntil } from '../harness/wait-until.ts'

const limitMs = 60_000

let mesh: TestMesh

beforeAll(async () => {
  mesh = await startTestMesh()
  await mesh.start({ service: 'echo' })
}, limitMs)

afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]()
}, limitMs)

test(
  'weft proxy --workers 2 serves a workload of the mesh, follows its changes, and is replaced without a failed request',
  async () => {
    const [httpProxyPort, adminPort, stateDir] = [
      await freePort(),
      await freePort(),
      await mkdtemp(join(tmpdir(), 'weft-state-')),
    ]
    const id = 'gateway-1'
    const registered = await mesh.client.putWorkload(
      id,
      {
        ...{ namespace: 'default', service: 'gateway', name: 'gateway-v1', serviceAccount: 'gateway' },
        ...{ labels: {}, address: '127.0.0.1', ports: [], health: 'ready' },
        placement: { inboundAddress: '127.0.0.1', httpProxyPort, tcpUpstreams: [] },
      },
      { token: true },
    )
    const { api }: { readonly api: string } = await Bun.file(join(mesh.dataDir, 'control-plane.json')).json()
    const [caFile, tokenFile] = [join(stateDir, 'ca.pem'), join(stateDir, 'token')]
    await writeFile(caFile, registered.trustBundle)
    await writeFile(tokenFile, registered.joinToken ?? '')
    const bootstrap = renderBootstrap({
      ...{ id, namespace: 'default', workload: 'gateway-v1', labels: {}, serviceAccount: 'gateway', adminPort },
      xdsAddress: registered.xdsAddress,
      controlPlaneId: `spiffe://${registered.trustDomain}/ns/weft-system/sa/control-plane`,
      sdsSocket: join(stateDir, 'sds.sock'),
    })
    await using proxy = await startProxyProcess(bootstrap, [
      ...['--workers', '2', '--drain-time', '2s', '--state-dir', stateDir],
      ...['--ca-url', api, '--ca-file', caFile, '--join-token-file', tokenFile, '--spiffe-id', registered.spiffeId],
    ])
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text()
    const call = () => fetch('http://echo:8080/', { proxy: `http://127.0.0.1:${httpProxyPort}` })
    await waitUntil('echo answers', async () => (await call()).status === 200)

    const certificates = await Promise.all([ask('/certs?worker=0'), ask('/certs?worker=1')])
    expect(certificates[0]).toContain(registered.spiffeId)
    expect(certificates[1]).toBe(certificates[0])

    const load = startLoad(call)
    proxy.kill('SIGUSR2')
    await waitUntil('both are replaced', async () => /Worker 1: process/.test(await proxy.log()), 20_000)
    const asked = load.results.length
    await waitUntil('requests go on', () => load.results.length > asked + 100, 10_000)
    expect(failures(await load.stop())).toEqual({})

    // Both obey as soon as the apply has returned, whichever of them is asked.
    await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo, namespace: default }
spec: { hosts: [echo], http: [{ directResponse: { status: 418 } }] }
`)
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await call()).status))
    expect(new Set(statuses)).toEqual(new Set([418]))
    await rm(stateDir, { recursive: true })
  },
  limitMs,
)
