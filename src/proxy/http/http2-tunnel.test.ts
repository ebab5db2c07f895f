import { afterEach, describe, expect, test } from 'bun:test'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'

import { defaultHttp2Config } from '../config/index.ts'
import type { ForwardDecision } from '../route/index.ts'
import { FakeCluster, type Fixture, type FixtureOptions, plainForward, startFixture } from './http-server.fixture.ts'
import { RawServer, settles, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0).toReversed()) stop()
})

const forwards: ForwardDecision = {
  ...plainForward,
  upgrades: {
    allowed: new Map([
      ['connect', true],
      ['websocket', true],
    ]),
    terminatesConnect: false,
  },
}
const ends: ForwardDecision = {
  ...forwards,
  upgrades: { allowed: new Map([['connect', true]]), terminatesConnect: true },
}
const websocket = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', ':authority': 'a' }

async function start(
  upstream: RawServer,
  decision: ForwardDecision,
  options: FixtureOptions = {},
): Promise<Fixture & { session: ClientHttp2Session }> {
  stops.push(() => upstream.stop())
  const fixture = startFixture({
    cluster: new FakeCluster([upstream.port]),
    decide: () => decision,
    ...options,
    manager: { codec: 'http2', http2: { ...defaultHttp2Config, allowConnect: true }, ...options.manager },
  })
  stops.push(fixture.stop)
  const session = connect(`http://127.0.0.1:${fixture.port}`)
  session.on('error', () => undefined)
  stops.push(() => session.destroy())
  await new Promise((resolve) => session.once('remoteSettings', resolve))
  return { ...fixture, session }
}

interface Seen {
  readonly stream: ClientHttp2Stream
  status: number
  text: string
  ended: boolean
}

function open(session: ClientHttp2Session, headers: Record<string, string>): Seen {
  const stream = session.request(headers, { endStream: false })
  const seen: Seen = { stream, status: 0, text: '', ended: false }
  stream.on('response', (response) => (seen.status = Number(response[':status'])))
  stream.on('data', (bytes: Buffer) => (seen.text += bytes.toString('latin1')))
  stream.on('end', () => (seen.ended = true))
  stream.on('error', () => undefined)
  return seen
}

const echo = (): RawServer =>
  new RawServer((connection) => {
    connection.send(connection.received)
    connection.received = ''
  })

describe('CONNECT in HTTP/2', () => {
  test('that ends here is a tunnel of octets', async () => {
    const upstream = echo()
    const { session, server } = await start(upstream, ends)
    const tunnel = open(session, { ':method': 'CONNECT', ':authority': 'db.test:5432' })
    tunnel.stream.write('one')
    await until(() => tunnel.text === 'one')
    expect(tunnel.status).toBe(200)
    tunnel.stream.end('two')
    await until(() => tunnel.text === 'onetwo')
    await until(() => server.activeRequests === 0)
  })

  test('that is passed on to HTTP/1.1 asks for the same host', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.received.endsWith('\r\n\r\n')) connection.send('HTTP/1.1 200 OK\r\n\r\nhello')
    })
    const { session } = await start(upstream, forwards)
    const tunnel = open(session, { ':method': 'CONNECT', ':authority': 'db.test:5432' })
    await until(() => tunnel.text === 'hello')
    expect(upstream.connections[0]?.received).toStartWith('CONNECT db.test:5432 HTTP/1.1\r\nhost: db.test:5432\r\n')
  })

  test('to a host without a port is 400', async () => {
    const { session } = await start(echo(), ends)
    const tunnel = open(session, { ':method': 'CONNECT', ':authority': 'db.test' })
    await until(() => tunnel.status !== 0)
    expect(tunnel.status).toBe(400)
  })

  test('that no configuration allows is 403', async () => {
    const { session } = await start(echo(), plainForward)
    const tunnel = open(session, { ':method': 'CONNECT', ':authority': 'db.test:1' })
    await until(() => tunnel.status !== 0)
    expect(tunnel.status).toBe(403)
  })
})

describe('extended CONNECT', () => {
  test('is an upgrade in HTTP/1.1; octets ahead of its answer wait for it', async () => {
    const upstream = new RawServer(() => undefined)
    const { session } = await start(upstream, forwards)
    const tunnel = open(session, websocket)
    tunnel.stream.write('ahead')
    await until(() => upstream.connections[0]?.received.endsWith('\r\n\r\n') === true)
    await settles(() => upstream.connections[0]?.bytes ?? 0)
    const connection = upstream.connections[0]
    expect(connection?.received).toStartWith('GET /chat HTTP/1.1\r\nhost: a\r\n')
    expect(connection?.received).toContain('upgrade: websocket\r\nconnection: upgrade\r\n')
    expect(connection?.received).toEndWith('\r\n\r\n')
    connection?.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    await until(() => tunnel.text === 'hello')
    expect(tunnel.status).toBe(200)
    await until(() => connection?.received.endsWith('ahead') === true)
  })

  test('that is answered by 200 in HTTP/1.1 is no tunnel', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.received.endsWith('\r\n\r\n')) connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno')
    })
    const { session } = await start(upstream, forwards)
    const tunnel = open(session, websocket)
    tunnel.stream.write('GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => tunnel.ended)
    expect(tunnel.text).toBe('no')
    expect(upstream.connections[0]?.received).not.toContain('smuggled')
  })

  test('of h2c is refused: its octets are no body of a request', async () => {
    const upstream = echo()
    const { session } = await start(upstream, forwards)
    const tunnel = open(session, { ...websocket, ':protocol': 'h2c' })
    tunnel.stream.write('GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => tunnel.status !== 0)
    expect(tunnel.status).toBe(403)
    expect(upstream.connections).toEqual([])
  })
})

test('the end of a response that waits for the window comes after the exchange is over, the request still open', async () => {
  const size = 1 << 20
  const upstream = new RawServer((connection) => {
    if (connection.received.includes('\r\n\r\n'))
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`)
    connection.received = ''
  })
  const { session, server } = await start(upstream, plainForward)
  const slow = open(session, { ':method': 'POST', ':path': '/', ':authority': 'a' })
  slow.stream.pause()
  await until(() => slow.status === 200)
  await settles(() => server.activeRequests)
  const next = open(session, { ':method': 'GET', ':path': '/', ':authority': 'a' })
  next.stream.end()
  slow.stream.resume()
  await until(() => slow.text.length === size && next.text.length === size)
  expect(slow.ended).toBe(true)
})

describe('WebSocket in HTTP/2', () => {
  test('has no key, and a server of HTTP/1.1 gets one', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.received.endsWith('\r\n\r\n'))
        connection.send('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhi')
    })
    const { session } = await start(upstream, forwards)
    const tunnel = open(session, { ...websocket, ':scheme': 'http', 'sec-websocket-version': '13' })
    await until(() => tunnel.text === 'hi')
    expect(tunnel.status).toBe(200)
    expect(upstream.connections[0]?.received).toMatch(/\r\nsec-websocket-key: [A-Za-z0-9+/]{22}==\r\n/)
  })

  test('passes on the key that a client sends all the same', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.received.endsWith('\r\n\r\n'))
        connection.send('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhi')
    })
    const { session } = await start(upstream, forwards)
    const tunnel = open(session, { ...websocket, ':scheme': 'http', 'sec-websocket-key': 'abc' })
    await until(() => tunnel.text === 'hi')
    expect(upstream.connections[0]?.received.match(/sec-websocket-key: .*/g)).toEqual(['sec-websocket-key: abc'])
  })
})
