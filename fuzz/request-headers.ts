import { clientAddress } from '../src/proxy/http/client-address.ts'
import { parsePeerMetadata, peerMetadataLines } from '../src/proxy/http/peer-metadata.ts'
import { ReceivedRequest } from '../src/proxy/http/received-request.ts'
import { acceptsTrailers } from '../src/proxy/http/trailers.ts'
import { readSession, sessionLine, type StatefulSession, toRequestView } from '../src/proxy/route/index.ts'
import { cookieValue } from '../src/proxy/route/request-hash.ts'
import { scanRequestHead } from '../src/wire/http1/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const limits = { headBytes: 40_000, fieldCount: 10, fieldBytes: 40_000 }
const node = {
  id: 'n',
  name: 'reviews',
  namespace: 'default',
  workload: 'reviews-v1',
  clusterId: 'k',
  labels: { a: 'b' },
}
const seconds = 1_000_000

const sessions: readonly StatefulSession[] = [
  { kind: 'cookie', name: 'session', path: '', ttlSeconds: 0, strict: false },
  { kind: 'cookie', name: 'session', path: '/a', ttlSeconds: 300, strict: true },
  { kind: 'header', name: 'x-session', strict: false },
]

/** What a value says of the peer is bounded, and says the same when it is written again. */
function tryMetadata(value: string): string {
  const metadata = parsePeerMetadata(value, value)
  if (metadata === undefined) return 'none'
  const { id, namespace, workload, clusterId, labels } = metadata
  const texts = [id, namespace, workload, clusterId, ...Object.values(labels)]
  expectThat(
    texts.every((text) => text.length <= 256),
    'a text that is not cut',
  )
  expectThat(Object.keys(labels).length <= 32, `${Object.keys(labels).length} labels`)
  const lines = peerMetadataLines({ id: '', name: '', namespace, workload, clusterId, labels })
  const written = /\r\nx-envoy-peer-metadata: (\S+)\r\n$/.exec(lines)?.[1]
  expectThat(written !== undefined, 'metadata that is not written')
  const again = parsePeerMetadata(id, written)
  expectThat(
    isWellFormed(texts) ? JSON.stringify(again) === JSON.stringify(metadata) : again !== undefined,
    `${JSON.stringify(metadata)} becomes ${JSON.stringify(again)}`,
  )
  return `${Object.keys(labels).length} ${namespace.length} ${workload.length}`
}

function isWellFormed(texts: readonly string[]): boolean {
  return texts.every((text) => text.isWellFormed())
}

/** What a client says of its endpoint is short, and what it is told it says again. */
function trySessions(value: string): string {
  return sessions
    .map((session) => {
      const name = session.kind === 'header' ? session.name : 'cookie'
      const wanted = readSession(
        session,
        toRequestView({ authority: 'a', path: '/a/b', headers: [[name, value]] }),
        seconds,
      )
      expectThat(wanted === undefined || wanted.length <= 512, `an endpoint of ${wanted?.length} characters`)
      const endpoint = value.replaceAll(/[^!-~]/g, '').slice(0, 60)
      const told = sessionLine(session, endpoint, seconds)
      expectThat(/^[!-~]+: [ -~]*\r\n$/.test(told), `the line ${JSON.stringify(told)}`)
      const sent = session.kind === 'header' ? told.slice(11, -2) : /^set-cookie: ([^;]*)/.exec(told)?.[1]
      const view = toRequestView({ authority: 'a', path: '/a/b', headers: [[name, sent ?? '']] })
      expectThat(readSession(session, view, seconds) === endpoint, `${endpoint} is told as ${sent}`)
      if (session.kind === 'cookie' && session.ttlSeconds > 0)
        expectThat(readSession(session, view, seconds + 300) === '', 'a session that is over counts')
      return wanted?.length
    })
    .join()
}

function tryForwardedFor(value: string): string {
  const request = new ReceivedRequest(limits, 65_536)
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: ${value}\r\n\r\n`, 'latin1')
  request.append(bytes, 0, bytes.length)
  if (scanRequestHead(request.head, request.head.bytes, bytes.length) !== bytes.length) return 'no head'
  request.read(false)
  const peer = '192.0.2.1:5'
  return [0, 1, 2]
    .flatMap((xffTrustedHops) => [true, false].map((useRemoteAddress) => ({ xffTrustedHops, useRemoteAddress })))
    .map((manager) => {
      const address = clientAddress(request, manager, peer)
      if (address === peer) return 0
      const bare = address.replace(/:0$/, '').replaceAll(/[[\]]/g, '')
      expectThat(/^[\w.:%-]+$/.test(bare) && value.includes(bare), `the address ${JSON.stringify(address)}`)
      return bare.includes(':') ? 6 : 4
    })
    .join()
}

/** The obvious way to read a cookie. */
function plainCookie(header: string, name: string): string {
  const pairs = header.split(';').map((pair) => pair.trim())
  const value = pairs.find((pair) => pair.split('=', 1)[0]?.trim() === name && pair.includes('='))
  const text = value?.slice(value.indexOf('=') + 1).trim() ?? ''
  return /^".*"$/s.test(text) ? text.slice(1, -1) : text
}

const texts = [
  /metadata: (\S+)/.exec(peerMetadataLines(node))?.[1] ?? '',
  'CgcxLjI6ODA=',
  'session="Cgt3Lng6ODAQ6MA9"; a=b',
  'session=CgcxLjI6ODA=; session=x',
  '10.0.0.1, 2001:db8::1,::ffff:1.2.3.4',
  'trailers, gzip;q=0.5',
]

/** Values of headers that are read: the peer's metadata, session cookies, addresses of clients, `TE`. */
export const requestHeaders: FuzzTarget = {
  name: 'request-headers',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    'session=',
    '"',
    '; ',
    ',',
    'CgA=',
    'EAE',
    '10.0.0.1',
    '::1',
    '%eth0',
    'trailers',
    ';q=0',
    '=',
    'a=b',
    '/w==',
    '\xff',
  ],
  run(input) {
    const value = input.toString('latin1')
    expectThat(
      cookieValue(value, 'session') === plainCookie(value, 'session'),
      `the cookie in ${JSON.stringify(value)}`,
    )
    const parts = [
      tryMetadata(value),
      tryMetadata(input.toString('base64')),
      trySessions(value),
      tryForwardedFor(value),
    ]
    return [...parts, acceptsTrailers(value)].join('|')
  },
}

if (import.meta.main) await fuzzFromCommandLine(requestHeaders)
