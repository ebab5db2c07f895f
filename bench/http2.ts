/**
 * `bun bench/http2.ts`: what one request costs in the HTTP/2 code alone, without sockets: a client's session and a server's session back to
 * back, heads translated from and to HTTP/1.1 as between two proxies. Nanoseconds per request, both sides together.
 */
import { Head, scanRequestHead, scanResponseHead } from '../src/wire/http1/index.ts'
import { type FieldBlock, Http2Session, type Http2Stream, type StreamOwner } from '../src/wire/http2/index.ts'
import { fieldTable } from '../src/proxy/http/fields.ts'
import { readHttp2Request, readHttp2Response } from '../src/proxy/http/http2-head.ts'
import { ReceivedRequest } from '../src/proxy/http/received-request.ts'

const limits = { headBytes: 61_440, fieldCount: 100, fieldBytes: 16_384 }
const request = new ReceivedRequest(limits, 16_384)
const responseHead = new Head(fieldTable, limits)
const requestBytes = Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nx-forwarded-proto: http\r\n\r\n')
const responseBytes = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 20 Nov 2026 17:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 68\r\nx-envoy-upstream-service-time: 1\r\n\r\n',
)
const body = Buffer.alloc(68, 120)
const batch = 20

let answered = 0
const noop = (): void => undefined
const clientStream: StreamOwner = {
  onHeaders: (_stream: Http2Stream, block: FieldBlock) => readHttp2Response(responseHead, block),
  onData: (_stream, _bytes, _start, _end, endStream) => {
    if (endStream) answered += 1
  },
  onTrailers: noop,
  onReset: noop,
  onWritable: noop,
}
const serverStream: StreamOwner = {
  onHeaders: (stream: Http2Stream, block: FieldBlock, endStream: boolean) => {
    readHttp2Request(request, block, endStream)
    const encoder = server.beginHead()
    encoder.field(':status', '200')
    encoder.lines(responseBytes, 17, responseBytes.length - 2)
    server.endHead(stream, false)
    server.sendData(stream, body, 0, body.length, true)
  },
  onData: noop,
  onTrailers: noop,
  onReset: noop,
  onWritable: noop,
}
const owner = { onOutput: noop, onCapacity: noop, onGoaway: noop, onFailure: noop, onIdle: noop }
const now = (): number => performance.now()
const client = new Http2Session('client', { ...owner, onStream: () => clientStream }, { now })
const server: Http2Session = new Http2Session('server', { ...owner, onStream: () => serverStream }, { now })
client.start()
server.start()

function move(from: Http2Session, to: Http2Session): void {
  const { output, outputLength } = from
  const bytes = Buffer.from(output.subarray(0, outputLength))
  from.clearOutput()
  to.receive(bytes, 0, bytes.length)
}

function round(): void {
  for (let index = 0; index < batch; index += 1) {
    const stream = client.open(clientStream)
    const encoder = client.beginHead()
    encoder.field(':method', 'GET')
    encoder.field(':scheme', 'http')
    encoder.field(':path', '/')
    encoder.field(':authority', '127.0.0.1:8080')
    encoder.lines(requestBytes, 16, requestBytes.length - 2)
    client.endHead(stream, true)
  }
  move(client, server)
  move(server, client)
}

const scanned = new Head(fieldTable, limits)
if (scanRequestHead(scanned, requestBytes, requestBytes.length) <= 0) throw new Error('The request is not sound')
scanned.reset()
if (scanResponseHead(scanned, responseBytes, responseBytes.length) <= 0) throw new Error('The response is not sound')
for (let index = 0; index < 10_000; index += 1) round()
const rounds = 20_000
const before = answered
const start = process.cpuUsage()
for (let index = 0; index < rounds; index += 1) round()
const spent = process.cpuUsage(start)
console.log(`${(((spent.user + spent.system) * 1000) / (answered - before)).toFixed(0)} ns per request, both sides`)
