import { isConnectTarget } from '../src/proxy/http/connect.ts'
import { fieldTable } from '../src/proxy/http/fields.ts'
import { readHttp2Request, readHttp2Response, trailerLines } from '../src/proxy/http/http2-head.ts'
import { ReceivedRequest } from '../src/proxy/http/received-request.ts'
import { trailerFields, writeTrailers } from '../src/proxy/http/trailers.ts'
import { Head, HeadWriter, scanFields, scanRequestHead, scanResponseHead } from '../src/wire/http1/index.ts'
import type { FieldBlock } from '../src/wire/http2/index.ts'
import { areTrailers, judgeRequest, judgeResponse } from '../src/wire/http2/message/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const limits = { headBytes: 40_000, fieldCount: 600, fieldBytes: 40_000 }
const rules = { connectProtocol: true, authorityBytes: 255 }

/** Lines of `name=value` as a decoded section. */
function toBlock(input: Buffer): FieldBlock {
  const names: string[] = []
  const values: string[] = []
  let bytes = 0
  for (const line of input.toString('latin1').split('\n').slice(0, 500)) {
    const mark = line.indexOf('=')
    if (mark < 0) continue
    const name = line.slice(0, mark)
    // So that line ends can be in values, too.
    const value = line
      .slice(mark + 1)
      .replaceAll('\\n', '\n')
      .replaceAll('\\r', '\r')
    names.push(name)
    values.push(value)
    bytes += name.length + value.length + 32
  }
  return {
    names,
    values,
    sensitive: [],
    bytes,
    tooLarge: false,
    facts: undefined,
    rendered: undefined,
    remembered: false,
  }
}

function linesOf(head: Head): readonly string[] {
  return Array.from({ length: head.count }, (_, index) => `${head.name(index)}: ${head.value(index)}`)
}

/** What was written down is scanned by the reader of HTTP/1.1, which must see the one message that was meant. */
function checkWritten(head: Head, scan: typeof scanRequestHead): Head {
  const text = head.bytes.toString('latin1', 0, head.end)
  const again = new Head(fieldTable, limits)
  again.bytes = Buffer.from(text, 'latin1')
  const end = scan(again, again.bytes, again.bytes.length)
  const said = JSON.stringify(text)
  expectThat(end === text.length, `${said} is read as ${end}`)
  expectThat(linesOf(again).join('\n') === linesOf(head).join('\n'), `${said} has other fields when it is read again`)
  const facts = ({ contentLength, hosts, hostIndex, upgradeIndex, connection, expectsContinue, minorVersion }: Head) =>
    JSON.stringify([contentLength, hosts, hostIndex, upgradeIndex, connection, expectsContinue, minorVersion])
  expectThat(facts(again) === facts(head), `${said}: ${facts(head)} is read as ${facts(again)}`)
  return again
}

function tryRequest(block: FieldBlock): string {
  const { wellFormed, tunnel } = judgeRequest(block, rules)
  if (!wellFormed) return 'malformed'
  const request = new ReceivedRequest(limits, 65_536)
  if (!readHttp2Request(request, block, true)) return 'no target'
  // Refused before it goes anywhere.
  if (tunnel && request.method === 'CONNECT' && !isConnectTarget(request.authority)) return 'CONNECT without a port'
  // Answered 417 before it goes anywhere.
  if (request.head.expectsContinue && request.header('expect')?.toLowerCase() !== '100-continue') return 'expectation'
  const again = new ReceivedRequest(limits, 65_536)
  again.append(request.head.bytes, 0, request.filled)
  const written = checkWritten(request.head, scanRequestHead)
  again.head.assign(written)
  again.read(request.scheme === 'https')
  for (const part of ['method', 'authority', 'path', 'query', 'target'] as const) {
    expectThat(again[part] === request[part], `${part} ${request[part]} is read as ${again[part]}`)
  }
  return `ok ${request.head.count} ${tunnel} ${request.upgrade().length}`
}

function tryResponse(block: FieldBlock): string {
  if (!judgeResponse(block).wellFormed) return 'malformed'
  const head = new Head(fieldTable, limits)
  readHttp2Response(head, block)
  expectThat(checkWritten(head, scanResponseHead).status === head.status, 'another status')
  return `ok ${head.status}`
}

function tryTrailers(block: FieldBlock): string {
  if (!areTrailers(block)) return 'malformed'
  const lines = trailerLines(block)
  const { names, values } = trailerFields(lines, 600)
  expectThat(names.length <= block.names.length, 'more trailers than came')
  for (const [index, name] of names.entries()) {
    const same = block.names.some((known, at) => known === name && block.values[at] === values[index])
    expectThat(same, `trailer ${name} came otherwise`)
  }
  const writer = new HeadWriter(1024)
  writeTrailers(writer, lines, 600)
  const written = new Head(fieldTable, limits)
  written.bytes = Buffer.concat([writer.bytes.subarray(0, writer.length), Buffer.from('\r\n')])
  expectThat(scanFields(written, written.bytes, written.bytes.length) === written.bytes.length, 'trailers that break')
  expectThat(written.count === names.length, `${written.count} of ${names.length} trailers are written`)
  return `ok ${names.length}`
}

const texts = [
  ':method=GET\n:scheme=https\n:path=/a?b=c\n:authority=a:80\ncookie=a=b\ncookie=c\nte=trailers',
  ':method=POST\n:scheme=http\n:path=/\nhost=A\n:authority=a\ncontent-length=5\nexpect=100-continue',
  ':method=CONNECT\n:authority=a:443',
  ':method=CONNECT\n:protocol=websocket\n:scheme=http\n:path=/chat\n:authority=a\nsec-websocket-version=13',
  ':method=OPTIONS\n:scheme=http\n:path=*\nhost=a\nx-forwarded-for=1.2.3.4',
  ':status=200\ncontent-length=3\nset-cookie=a\nset-cookie=b',
  ':status=103\nlink=<a>',
  'grpc-status=0\ngrpc-message=a%20b\ncontent-type=x\nx-sum=1',
]

/** Rules of HTTP/2 messages, and how a message is written down as the one of HTTP/1.1 that says the same: nothing may get in between. */
export const http2Message: FuzzTarget = {
  name: 'http2-message',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    '\n',
    '=',
    '\\r\\n',
    '\\n',
    '\\r\\n\\r\\n',
    'host=a',
    'transfer-encoding=chunked',
    'content-length=0',
    'content-length=+1',
    'connection=close',
    'upgrade=h2c',
    'te=gzip',
    ':path=',
    ':path=/ HTTP/1.1',
    ':authority=a@b',
    ':scheme=ftp',
    ':status=204',
    ':protocol=x',
    'cookie=',
    '\x00',
    ' ',
    '\t',
    '[::1]:80',
    '#',
  ],
  run(input) {
    const block = toBlock(input)
    return [tryRequest(block), tryResponse(block), tryTrailers(block)].join()
  },
}

if (import.meta.main) await fuzzFromCommandLine(http2Message)
