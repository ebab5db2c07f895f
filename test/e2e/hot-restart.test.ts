import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../harness/free-port.ts'
import { createTestAuthority } from '../harness/mesh-certificates.ts'
import { isAlive, type ProxyProcess, startProxyProcess } from '../harness/proxy-process.ts'
import { self } from '../harness/run-weft.ts'
import { startHttp2Load } from '../harness/strict-http2-load.ts'
import { staticBootstrap } from '../harness/static-bootstrap.ts'
import { startStrictLoad, type StrictLoad } from '../harness/strict-load.ts'
import { waitUntil } from '../harness/wait-until.ts'

let upstream: ReturnType<typeof Bun.serve>

beforeAll(() => {
  upstream = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('ok') })
})

afterAll(() => upstream.stop(true))

const upstreamPort = () => upstream.port ?? 0

/** Sends SIGUSR2 to whoever serves and waits for the next one, with load before and behind. */
async function restart(proxy: ProxyProcess, load?: Pick<StrictLoad, 'requests'>): Promise<number> {
  const before = await proxy.servingPid()
  process.kill(before, 'SIGUSR2')
  await waitUntil('a successor serves', async () => (await proxy.servingPid()) !== before, 20_000)
  const asked = load?.requests() ?? 0
  await waitUntil('requests go on', () => load === undefined || load.requests() > asked + 200, 10_000)
  return before
}

describe('SIGUSR2 to weft proxy', () => {
  test('replaces it twice under load without a failed request or connection, and every old process ends', async () => {
    const [port, adminPort] = [await freePort(), await freePort()]
    const bootstrap = staticBootstrap([{ port, upstreamPort: upstreamPort() }], adminPort)
    await using proxy = await startProxyProcess(bootstrap, ['--drain-time', '1s'])
    const load = startStrictLoad({ port, keepAlive: 3, fresh: 3 })
    await waitUntil('load runs', () => load.requests() > 200)
    const replaced: number[] = []
    for (let round = 0; round < 2; round += 1) replaced.push(await restart(proxy, load))
    const result = await load.stop()
    expect(result.failures).toEqual([])
    expect(result.requests).toBeGreaterThan(1000)
    expect(new Set([...replaced, await proxy.servingPid()]).size).toBe(3)
    expect(await (await fetch(`http://127.0.0.1:${adminPort}/ready`)).text()).toBe('LIVE\n')
    await waitUntil('the old processes have ended', () => replaced.every((pid) => !isAlive(pid)), 10_000)
  }, 60_000)

  test('loses no HTTP/2 stream: sessions end by GOAWAY', async () => {
    const port = await freePort()
    const bootstrap = staticBootstrap([{ port, upstreamPort: upstreamPort(), http2: true }])
    await using proxy = await startProxyProcess(bootstrap, ['--drain-time', '2s'])
    const load = startHttp2Load(port, { clients: 3, streams: 4 })
    await waitUntil('load runs', () => load.requests() > 200)
    await restart(proxy, load)
    await restart(proxy, load)
    const result = await load.stop()
    expect(result.failures).toEqual([])
    expect(result.connections).toBeGreaterThan(3)
  }, 60_000)

  test('lets a running byte stream of the old process go on until its drain time', async () => {
    const port = await freePort()
    const echo = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket, bytes) => void socket.write(bytes) },
    })
    await using proxy = await startProxyProcess(staticBootstrap([{ port, upstreamPort: echo.port, tcp: true }]), [
      ...['--drain-time', '2s'],
    ])
    let answered = ''
    let isClosed = false
    const client = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, bytes) => void (answered += bytes.toString()),
        close: () => void (isClosed = true),
      },
    })
    client.write('before ')
    await waitUntil('the stream answers', () => answered === 'before ')
    const old = await restart(proxy)
    client.write('after')
    await waitUntil('the stream goes on', () => answered === 'before after')
    expect(isAlive(old)).toBe(true)
    await waitUntil('the stream is cut', () => isClosed, 10_000)
    await waitUntil('the old process has ended', () => !isAlive(old))
    echo.stop(true)
  }, 30_000)

  test('leaves the old process serving when the new one refuses its bootstrap, and says why', async () => {
    const port = await freePort()
    await using proxy = await startProxyProcess(staticBootstrap([{ port, upstreamPort: upstreamPort() }]))
    const load = startStrictLoad({ port, keepAlive: 1, fresh: 1 })
    await writeFile(proxy.bootstrapPath, '{ "static_resources": { "listeners": [{ "name": "broken" }] } }')
    proxy.kill('SIGUSR2')
    await waitUntil('the failure is told', async () => (await proxy.log()).includes('Hot restart failed'), 20_000)
    expect(await proxy.log()).toMatch(/this process goes on: process \d+ was not ready: The bootstrap is refused/)
    const asked = load.requests()
    await waitUntil('requests go on', () => load.requests() > asked + 50)
    expect((await load.stop()).failures).toEqual([])
    expect(await proxy.servingPid()).toBe(proxy.pid)
    // Once the file is mended the next attempt succeeds.
    await writeFile(proxy.bootstrapPath, staticBootstrap([{ port, upstreamPort: upstreamPort() }]))
    expect(await restart(proxy)).toBe(proxy.pid)
    expect(await proxy.exited).toBe(0)
  }, 60_000)

  test('loses no handshake of a TLS listener', async () => {
    await using authority = await createTestAuthority()
    const { certificateChain, privateKey } = await authority.issue('spiffe://cluster.local/ns/default/sa/gateway')
    const directory = await mkdtemp(join(tmpdir(), 'weft-tls-'))
    const tls = { certificateFile: join(directory, 'certificate.pem'), keyFile: join(directory, 'key.pem') }
    await writeFile(tls.certificateFile, certificateChain)
    await writeFile(tls.keyFile, privateKey)
    const port = await freePort()
    await using proxy = await startProxyProcess(staticBootstrap([{ port, upstreamPort: upstreamPort(), tls }]), [
      ...['--drain-time', '2s'],
    ])
    const load = startStrictLoad({ port, keepAlive: 2, fresh: 3, tls: true })
    await waitUntil('load runs', () => load.requests() > 50)
    await restart(proxy, load)
    await restart(proxy, load)
    expect((await load.stop()).failures).toEqual([])
    await rm(directory, { recursive: true })
  }, 60_000)
})

test('weft proxy --hot-restart takes over from the proxy of the same state directory', async () => {
  const port = await freePort()
  const stateDir = await mkdtemp(join(tmpdir(), 'weft-state-'))
  const bootstrap = staticBootstrap([{ port, upstreamPort: upstreamPort() }])
  await using proxy = await startProxyProcess(bootstrap, ['--state-dir', stateDir])
  const load = startStrictLoad({ port, keepAlive: 2, fresh: 2 })
  await waitUntil('load runs', () => load.requests() > 50)
  const next = Bun.spawn(
    [
      ...self,
      'proxy',
      '-c',
      proxy.bootstrapPath,
      '--state-dir',
      stateDir,
      '--hot-restart',
      '--pid-file',
      proxy.pidFile,
    ],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
  )
  expect(await proxy.exited).toBe(0)
  await waitUntil('the successor names itself', async () => (await proxy.servingPid()) === next.pid)
  expect((await load.stop()).failures).toEqual([])
  next.kill('SIGTERM')
  expect(await next.exited).toBe(0)
  await rm(stateDir, { recursive: true })
}, 30_000)
