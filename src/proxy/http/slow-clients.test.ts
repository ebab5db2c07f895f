/** Clients that are slow on purpose, and names that mean something to the language. */
import { afterEach, describe, expect, test } from 'bun:test'

import { FakeCluster, type Fixture, type FixtureOptions, plainForward, startFixture } from './http-server.fixture.ts'
import { answering, okResponse, RawClient, RawServer, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function start(upstream: RawServer, options: FixtureOptions = {}): Fixture {
  stops.push(() => upstream.stop())
  const fixture = startFixture({ ...options, cluster: new FakeCluster([upstream.port]) })
  stops.push(fixture.stop)
  return fixture
}

async function client(fixture: Fixture): Promise<RawClient> {
  const made = await RawClient.connect(fixture.port)
  stops.push(() => made.close())
  return made
}

const silent = (): RawServer => new RawServer(() => undefined)

describe('slow clients', () => {
  test('a head that comes octet by octet is 408 when its time is over', async () => {
    const c = await client(start(silent(), { manager: { requestHeadersTimeoutMs: 60 } }))
    const head = 'GET / HTTP/1.1\r\nHost: a\r\nX-Padding: '
    let sent = 0
    await until(() => {
      if (!c.over) c.send(head[sent] ?? 'x')
      sent += 1
      return c.over
    })
    expect(await c.ends()).toStartWith('HTTP/1.1 408 ')
  })

  test('a body that comes octet by octet is 408 when the time of the request is over, however often it moves', async () => {
    const c = await client(start(silent(), { manager: { requestTimeoutMs: 60, streamIdleTimeoutMs: 10_000 } }))
    c.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
    await until(() => {
      if (!c.over) c.send('x')
      return c.over
    })
    expect(await c.ends()).toStartWith('HTTP/1.1 408 ')
  })

  test('a client that does not take its answer is cut, and what waited for it is let go', async () => {
    const body = Buffer.alloc(16 * 1024 * 1024, 'x')
    const fixture = start(silent(), {
      limits: { flushTimeoutMs: 50 },
      decide: () => ({ kind: 'respond', route: plainForward.route, status: 200, body, responseEdits: undefined }),
    })
    const c = await client(fixture)
    c.pause()
    c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => fixture.server.connections === 1, 'the connection')
    await until(() => fixture.server.connections === 0, 'the cut')
  })

  test('a tunnel that nobody uses is closed on both sides', async () => {
    const upstream = new RawServer((connection) =>
      connection.send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
    )
    const fixture = start(upstream, { manager: { upgrades: ['websocket'], streamIdleTimeoutMs: 60 } })
    const c = await client(fixture)
    c.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    expect(await c.ends()).toStartWith('HTTP/1.1 101 ')
    await until(() => fixture.server.connections === 0, 'the end')
  })
})

test('names of Object.prototype are names like others', async () => {
  const upstream = answering(() => okResponse('hi', '__proto__: 1\r\nconstructor: 2\r\n'))
  const c = await client(start(upstream, { manager: { generateRequestId: false } }))
  const lines = '__proto__: a\r\nconstructor: b\r\ntoString: c\r\nhasOwnProperty: d\r\ncookie: __proto__=e\r\n'
  c.send(`GET /__proto__/constructor?toString=1 HTTP/1.1\r\nHost: __proto__.a\r\n${lines}\r\n`)
  const answer = await c.sees('hi')
  expect(answer).toStartWith('HTTP/1.1 200 ')
  expect(answer).toContain('__proto__: 1\r\nconstructor: 2\r\n')
  expect(upstream.connections[0]?.received).toContain(lines)
})
