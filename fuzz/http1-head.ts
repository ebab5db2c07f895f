import {
  FieldTable,
  Head,
  requestFraming,
  responseFraming,
  scanRequestHead,
  scanResponseHead,
  statusOfHeadFault,
  textOfHeadFault,
} from '../src/wire/http1/index.ts'
import { forEachCut } from './cuts.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'
import type { SeededRandom } from './mutate.ts'

const limits = { headBytes: 2048, fieldCount: 16, fieldBytes: 512 }
const table = new FieldTable(['x-request-id'])
const whole = new Head(table, limits)
const pieces = new Head(table, limits)

type Scan = typeof scanRequestHead

function facts(head: Head): string {
  const fields = Array.from({ length: head.count }, (_, index) => [
    head.name(index),
    head.value(index),
    head.ids[index],
  ])
  const { methodEnd, targetStart, targetEnd, oddPath, queryMark, contentLength, connection, minorVersion, status } =
    head
  const framing = [requestFraming(head), responseFraming(head, false)]
  const rest = {
    methodEnd,
    targetStart,
    targetEnd,
    oddPath,
    queryMark,
    contentLength,
    connection,
    minorVersion,
    status,
  }
  return JSON.stringify({ fields, framing, rest })
}

/** A scan of the whole input and one in pieces must see the same. */
function compare(scan: Scan, input: Buffer, random: SeededRandom, thorough: boolean): number {
  whole.reset()
  whole.bytes = input
  const result = scan(whole, input, input.length)
  const seen = result > 0 ? facts(whole) : ''
  forEachCut(input.length, random, thorough, (nextLength) => {
    pieces.reset()
    pieces.bytes = input
    let length = 0
    let inPieces = 0
    while (inPieces === 0 && length < input.length) {
      length = Math.min(input.length, length + nextLength())
      inPieces = scan(pieces, input, length)
    }
    expectThat(Math.sign(result) === Math.sign(inPieces), `${result} at once, ${inPieces} in pieces`)
    if (result <= 0) return
    expectThat(result === inPieces, `the head ends at ${result} at once, at ${inPieces} in pieces`)
    const seenInPieces = facts(pieces)
    expectThat(seen === seenInPieces, `other facts in pieces: ${seen} and ${seenInPieces}`)
  })
  if (result > 0) checkHead(whole, input, result)
  return result
}

function checkHead(head: Head, input: Buffer, end: number): void {
  expectThat(end <= input.length && head.end === end, `the head ends at ${end}, outside of the input`)
  expectThat(input.toString('latin1', end - 4, end) === '\r\n\r\n', 'a head that does not end with an empty line')
  expectThat(head.count <= limits.fieldCount, `${head.count} fields`)
  expectThat(end <= limits.headBytes + 2, `${end} bytes of head`)
  for (let index = 0; index < head.count; index += 1) {
    expectThat(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(head.name(index)), `field name ${head.name(index)}`)
    expectThat(/^[\t\x20-\x7e\x80-\xff]*$/.test(head.value(index)), `control character in ${head.value(index)}`)
    expectThat(!/^[\t ]|[\t ]$/.test(head.value(index)), `blank around ${head.value(index)}`)
  }
  expectThat(!(head.chunked && head.contentLength >= 0), 'both framings')
}

const texts = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /reviews/0?x=1 HTTP/1.1\r\nHost: reviews:9080\r\nContent-Length: 3\r\nX-Request-Id: 1\r\n\r\nabc',
  'POST http://a/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n0\r\n\r\n',
  'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-a\r\nExpect: 100-continue\r\n\r\n',
  '\r\nGET //a/../b HTTP/1.0\r\nConnection: close\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: envoy\r\n\r\nhello',
  'HTTP/1.1 101 \r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HTTP/1.0 503\r\nTransfer-Encoding: chunked\r\n\r\n',
]

/** Scanners of request and response heads. */
export const http1Head: FuzzTarget = {
  name: 'http1-head',
  seeds: texts.map((text) => Buffer.from(text, 'latin1')),
  dictionary: [
    '\r\n',
    '\n',
    '\r',
    '\r\n ',
    ': ',
    ':',
    'Host: a\r\n',
    'Content-Length: 3\r\n',
    'Content-Length: 3, 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: gzip, chunked\r\n',
    'Connection: close\r\n',
    'Connection: upgrade\r\n',
    'Upgrade: h2c\r\n',
    ' HTTP/1.1\r\n',
    ' HTTP/1.0\r\n',
    'http://',
    '%2f',
    '..',
    '99999999999999999999',
  ],
  run(input, random, thorough) {
    const results = [
      compare(scanRequestHead, input, random, thorough),
      compare(scanResponseHead, input, random, thorough),
    ]
    for (const result of results) {
      if (result >= 0) continue
      expectThat([400, 417, 431, 501, 505].includes(statusOfHeadFault(result)), `fault ${result} without a status`)
      expectThat(textOfHeadFault(result) !== textOfHeadFault(-99), `fault ${result} without a text`)
    }
    return results.map((result) => (result > 0 ? facts(whole).length : result)).join()
  },
}

if (import.meta.main) await fuzzFromCommandLine(http1Head)
