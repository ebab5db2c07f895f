import { afterEach, describe, expect, test } from 'bun:test'

import { HeadWriter } from '../../wire/http1/index.ts'
import { FakeCluster, type Fixture, startFixture } from './http-server.fixture.ts'
import { RawClient, RawServer, until } from './raw-peers.fixture.ts'
import { acceptsTrailers, writeTrailers } from './trailers.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function written(lines: string, maxFields = 8): string {
  const writer = new HeadWriter(16)
  writeTrailers(writer, Buffer.from(lines, 'latin1'), maxFields)
  return writer.bytes.toString('latin1', 0, writer.length)
}

describe('writeTrailers()', () => {
  test.each([
    ['X-A: 1\r\nx-b:2\r\n\r\n', 'X-A: 1\r\nx-b:2\r\n'],
    ['grpc-status: 0\r\nGrpc-Message:\r\n\r\n', 'grpc-status: 0\r\nGrpc-Message:\r\n'],
    // What frames, routes, authenticates or vouches may not come behind the body.
    ['Host: evil\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 'X-A: 1\r\n'],
    ['Content-Length: 5\r\nConnection: close\r\nTE: x\r\nTrailer: y\r\n\r\n', ''],
    ['AUTHORIZATION: b\r\nCookie: c\r\nSet-Cookie: d\r\nX-Forwarded-For: 1\r\nX-Envoy-Peer-Metadata: z\r\n\r\n', ''],
    ['Content-Encoding: gzip\r\nContent-Type: a\r\nIf-Match: "x"\r\nLocation: /\r\nX-A: 1\r\n\r\n', 'X-A: 1\r\n'],
    // Not well formed, or not for sure: nothing is passed on.
    ['X-A : 1\r\n\r\n', ''],
    ['X-A: 1\r\n folded\r\n\r\n', ''],
    ['X-A: 1\nX-B: 2\r\n\r\n', ''],
    ['X-A: \x00\r\n\r\n', ''],
    ['no colon\r\n\r\n', ''],
    ['Content-Length: 5\r\nContent-Length: 6\r\nX-A: 1\r\n\r\n', ''],
    ['X-A: 1\r\n', ''],
    ['X-A: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n', ''],
  ])('%j becomes %j', (lines, expected) => {
    expect(written(lines)).toBe(expected)
  })

  test('passes nothing on when there are too many fields', () => {
    expect(written(`${'A: b\r\n'.repeat(8)}\r\n`)).toBe('A: b\r\n'.repeat(8))
    expect(written(`${'A: b\r\n'.repeat(9)}\r\n`)).toBe('')
  })
})

test.each([
  ['trailers', true],
  ['gzip, Trailers', true],
  ['gzip;q=0.5,trailers;q=1', true],
  [' trailers ', true],
  ['x-trailers', false],
  ['trailers-x, gzip', false],
  ['', false],
])('acceptsTrailers(%j) is %p', (value, expected) => {
  expect(acceptsTrailers(value)).toBe(expected)
})

function start(upstream: RawServer): Fixture {
  const fixture = startFixture({
    cluster: new FakeCluster([upstream.port]),
    manager: { generateRequestId: false },
    limits: { trailerBytes: 256 },
  })
  stops.push(fixture.stop, () => upstream.stop())
  return fixture
}

async function connect(fixture: Fixture): Promise<RawClient> {
  const client = await RawClient.connect(fixture.port)
  stops.push(() => client.close())
  return client
}

const chunkedRequest = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n'
const chunkedResponse = 'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n'

describe('trailers through the proxy', () => {
  test('TE says `trailers` upstream and nothing else, whatever else the client takes', async () => {
    const upstream = new RawServer((connection) => connection.send('HTTP/1.1 204 No Content\r\n\r\n'))
    const fixture = start(upstream)
    for (const [lines, expected] of [
      ['TE: gzip;q=0.5\r\nTE: trailers\r\n', 'te: trailers\r\n'],
      ['TE: deflate, trailers\r\nConnection: TE\r\n', 'te: trailers\r\n'],
      ['TE: gzip\r\n', ''],
      ['', ''],
    ] as const) {
      for (const connection of upstream.connections) connection.received = ''
      const client = await connect(fixture)
      client.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)
      await client.sees('204')
      expect(/te: .*\r\n/i.exec(upstream.received)?.[0] ?? '').toBe(expected)
    }
  })

  test('response trailers come to the client after the last chunk, with the announcement of them', async () => {
    const upstream = new RawServer((connection) =>
      connection.send(`${chunkedResponse}X-T: v\r\nSet-Cookie: no\r\n\r\n`),
    )
    const client = await connect(start(upstream))
    client.send('GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n')
    await client.sees('\r\n0\r\n')
    await until(() => client.received.endsWith('\r\n\r\n'))
    expect(client.received).toContain('Trailer: X-T\r\n')
    expect(client.received).toEndWith('\r\n\r\n3\r\nabc\r\n0\r\nX-T: v\r\n\r\n')
  })

  test('an HTTP/1.0 client gets the body alone', async () => {
    const upstream = new RawServer((connection) => connection.send(`${chunkedResponse}X-T: v\r\n\r\n`))
    const client = await connect(start(upstream))
    client.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    expect(await client.ends()).toEndWith('\r\n\r\nabc')
  })

  test.each([
    ['a line without a colon', 'smuggled\r\n\r\n'],
    ['a bare line feed', 'X: y\n\r\n'],
    ['a folded line', 'X: y\r\n z\r\n\r\n'],
    ['a control character', 'X: \x01\r\n\r\n'],
    ['a blank before the colon', 'X : y\r\n\r\n'],
    ['too many octets', `X: ${'y'.repeat(300)}\r\n\r\n`],
  ])('request trailers with %s are refused, and nothing behind them is served', async (_title, lines) => {
    const upstream = new RawServer(() => undefined)
    const fixture = start(upstream)
    const client = await connect(fixture)
    client.send(`${chunkedRequest}${lines}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`)
    expect(await client.ends()).toStartWith('HTTP/1.1 400 ')
    expect(client.received.split('HTTP/1.1 ').length).toBe(2)
    expect(upstream.received).not.toContain('smuggled')
    await until(() => fixture.server.activeRequests === 0)
  })

  test('response trailers that are malformed cut the client: the end of the message is not certain', async () => {
    const upstream = new RawServer((connection) => connection.send(`${chunkedResponse}X-T v\r\n\r\n`))
    const client = await connect(start(upstream))
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.ends()
    expect(client.received).not.toContain('0\r\n\r\n')
    expect(client.received).not.toContain('X-T v')
  })
})
