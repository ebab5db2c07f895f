/**
 * h2spec against the server side of HTTP/2, its strict case included, four ways: plain with prior knowledge and over TLS with
 * ALPN, each in front of an upstream of HTTP/1.1 and of HTTP/2.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { makeCertificates } from '../../bench/rig/certificates.ts'
import { installed } from './installed.ts'
import { type ProxyKind, startProxy, toBootstrap, toCluster, toListener } from './proxy-under-test.ts'

/** Long enough that windows of a few octets cut it. */
const answer = 'an answer of some octets'

/** How many cases there are: those of the commit that the project names, and of the release before it. */
const caseCount = { commit: 147, release: 146 }

/** How long one case may wait for what it expects. */
const caseSeconds = '2'

interface Way {
  readonly name: string
  readonly tls: boolean
  readonly upstream: 'HTTP1' | 'HTTP2'
}

const ways: readonly Way[] = [
  { name: 'plain, to HTTP/1.1', tls: false, upstream: 'HTTP1' },
  { name: 'plain, to HTTP/2', tls: false, upstream: 'HTTP2' },
  { name: 'TLS, to HTTP/1.1', tls: true, upstream: 'HTTP1' },
  { name: 'TLS, to HTTP/2', tls: true, upstream: 'HTTP2' },
]

interface Report {
  readonly passed: number
  /** What failed or was skipped. */
  readonly faults: readonly string[]
}

/** Runs h2spec the four ways at once; prints the cases that fail. */
export async function run(kind: ProxyKind): Promise<{ readonly passed: number; readonly failed: number }> {
  const programs = await installed.h2spec()
  const expected = existsSync(`${programs}/commit`) ? caseCount.commit : caseCount.release
  if (expected !== caseCount.commit) console.log(`h2spec: by its last release, which has ${expected} cases`)
  const folder = mkdtempSync(join(tmpdir(), 'weft-h2spec-'))
  using http1 = startHttp1()
  using http2 = await startHttp2()
  try {
    const certificates = makeCertificates(folder)
    const listeners = ways.map(({ name, tls, upstream }) =>
      toListener({ name, cluster: upstream, codec: tls ? 'AUTO' : 'HTTP2', ...(tls && { tls: certificates }) }),
    )
    const clusters = [
      toCluster({ name: 'HTTP1', port: http1.port, protocol: 'HTTP1' }),
      toCluster({ name: 'HTTP2', port: http2.port, protocol: 'HTTP2' }),
    ]
    await using proxy = await startProxy(kind, toBootstrap(listeners, clusters), listeners.length)
    const reports = await Promise.all(
      ways.map(async (way, index): Promise<Report> => {
        const report = `${folder}/report-${index}.xml`
        const tls = way.tls ? ['-t', '-k'] : []
        const argv = [
          '-S',
          ...tls,
          '-h',
          '127.0.0.1',
          '-p',
          String(proxy.port(way.name)),
          '-o',
          caseSeconds,
          '-j',
          report,
        ]
        await Bun.spawn([`${programs}/h2spec`, ...argv], { stdout: 'ignore', stderr: 'inherit' }).exited
        return judge(way, report, expected)
      }),
    )
    for (const fault of reports.flatMap(({ faults }) => faults)) console.log(`FAILED ${fault}`)
    return {
      passed: reports.reduce((sum, { passed }) => sum + passed, 0),
      failed: reports.reduce((sum, { faults }) => sum + faults.length, 0),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Reads h2spec's JUnit report: a case that did not pass has an element inside. */
function judge(way: Way, file: string, expected: number): Report {
  if (!existsSync(file)) return { passed: 0, faults: [`${way.name}: h2spec ended without a report`] }
  const text = readFileSync(file, 'utf8')
  const cases = [...text.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)]
  const faults = cases.flatMap(([, attributes = '', inside = '']) => {
    if (!/<(failure|error|skipped)/.test(inside)) return []
    const said = inside
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim()
    return [`${way.name}: ${attribute(attributes, 'package')} ${attribute(attributes, 'classname')}: ${said}`]
  })
  const passed = cases.length - faults.length
  console.log(`h2spec: ${way.name}: ${passed} of ${cases.length}`)
  if (cases.length === expected) return { passed, faults }
  return { passed, faults: [...faults, `${way.name}: expected ${expected} cases, there were ${cases.length}`] }
}

function attribute(text: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(text)?.[1] ?? ''
}

interface Upstream extends Disposable {
  readonly port: number
}

function startHttp1(): Upstream {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request): Promise<Response> => {
      await request.arrayBuffer().catch(() => undefined)
      return new Response(answer)
    },
  })
  return { port: server.port ?? 0, [Symbol.dispose]: () => void server.stop(true) }
}

async function startHttp2(): Promise<Upstream> {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => stream.destroy())
    stream.resume()
    stream.on('end', () => {
      if (stream.destroyed) return
      stream.respond({ ':status': 200, 'content-length': answer.length })
      stream.end(answer)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { port, [Symbol.dispose]: () => void server.close() }
}
