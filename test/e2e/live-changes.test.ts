/** What changes while traffic runs: no connection and no request is lost to it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { freePort } from '../harness/free-port.ts'
import { createTestAuthority } from '../harness/mesh-certificates.ts'
import { startProxyProcess } from '../harness/proxy-process.ts'
import { staticBootstrap } from '../harness/static-bootstrap.ts'
import { startStrictLoad } from '../harness/strict-load.ts'
import { waitUntil } from '../harness/wait-until.ts'

let upstream: ReturnType<typeof Bun.serve>

beforeAll(() => {
  upstream = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('ok') })
})

afterAll(() => upstream.stop(true))

/** Serial number of the certificate that a port presents. */
function servedSerial(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.end()
    })
    socket.on('error', reject)
  })
}

test('certificate files that change are used for new connections, a bad one is not, and no request fails', async () => {
  await using authority = await createTestAuthority()
  const directory = await mkdtemp(join(tmpdir(), 'weft-tls-'))
  const tls = { certificateFile: join(directory, 'certificate.pem'), keyFile: join(directory, 'key.pem') }
  const rotate = async (): Promise<string> => {
    const { certificateChain, privateKey } = await authority.issue('spiffe://cluster.local/ns/default/sa/gateway')
    await writeFile(tls.certificateFile, certificateChain)
    await writeFile(tls.keyFile, privateKey)
    return new X509Certificate(certificateChain).serialNumber
  }
  const first = await rotate()
  const [port, adminPort] = [await freePort(), await freePort()]
  const bootstrap = staticBootstrap([{ port, upstreamPort: upstream.port ?? 0, tls }], adminPort)
  await using proxy = await startProxyProcess(bootstrap)
  const load = startStrictLoad({ port, keepAlive: 2, fresh: 2, tls: true })
  expect(await servedSerial(port)).toBe(first)
  const second = await rotate()
  await waitUntil('the new certificate is served', async () => (await servedSerial(port)) === second)

  await writeFile(tls.keyFile, '-----BEGIN PRIVATE KEY-----\nhalf')
  await waitUntil('it is told', async () => (await proxy.log()).includes('cannot be used, the last good ones stay'))
  expect(await servedSerial(port)).toBe(second)
  const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/stats/prometheus`)).text()
  expect(metrics).toMatch(/weft_tls_file_reloads_total\{result="rejected"\} [1-9]/)

  const third = await rotate()
  await waitUntil('the mended files are served', async () => (await servedSerial(port)) === third)
  const result = await load.stop()
  expect(result.failures).toEqual([])
  expect(result.requests).toBeGreaterThan(100)
  await rm(directory, { recursive: true })
}, 30_000)
