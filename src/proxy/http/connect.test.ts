import { afterEach, describe, expect, test } from 'bun:test'

import type { ForwardDecision } from '../route/index.ts'
import { FakeCluster, type Fixture, type FixtureOptions, plainForward, startFixture } from './http-server.fixture.ts'
import { answering, okResponse, RawClient, RawServer, settles, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const connect = 'CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n\r\n'
const get = 'GET /next HTTP/1.1\r\nHost: up\r\n\r\n'

function toDecision(terminatesConnect: boolean): ForwardDecision {
  return { ...plainForward, upgrades: { allowed: new Map([['connect', true]]), terminatesConnect } }
}

/** A proxy in front of one server. CONNECT ends here unless `options.decide` says otherwise. */
async function start(upstream: RawServer, options: FixtureOptions = {}): Promise<Fixture & { client: RawClient }> {
  stops.push(() => upstream.stop())
  const cluster = options.cluster ?? new FakeCluster([upstream.port])
  const fixture = startFixture({ decide: () => toDecision(true), ...options, cluster })
  stops.push(fixture.stop)
  const client = await RawClient.connect(fixture.port)
  stops.push(() => client.close())
  return { ...fixture, client }
}

const echo = (): RawServer =>
  new RawServer((connection) => {
    connection.send(connection.received)
    connection.received = ''
  })

describe('a CONNECT that ends here', () => {
  test('is answered when the connection is there; octets ahead of the answer and behind it are the tunnel', async () => {
    const upstream = echo()
    const { client, server } = await start(upstream)
    client.send(`${connect}ahead`)
    expect(await client.sees('ahead')).toMatch(/^HTTP\/1\.1 200 OK\r\ndate: [^\r]+\r\nserver: envoy\r\n\r\nahead$/)
    client.send(' more')
    await client.sees('ahead more')
    client.close()
    await until(() => upstream.connections[0]?.closed === true)
    await until(() => server.connections === 0)
    expect(server.activeRequests).toBe(0)
  })

  test('takes no connection that a request used before', async () => {
    const upstream = answering(() => okResponse('hi'))
    const decide: FixtureOptions['decide'] = ({ method }) => (method === 'CONNECT' ? toDecision(true) : plainForward)
    const { client } = await start(upstream, { decide })
    client.send(get)
    await client.sees('hi')
    client.send(connect)
    await until(() => upstream.connections.length === 2)
    expect(upstream.connections[0]?.received).not.toContain('CONNECT')
  })

  test('a client that does not read holds back the server', async () => {
    const chunk = Buffer.alloc(1 << 20, 'x')
    const upstream = new RawServer((connection) => {
      for (let count = 0; count < 32; count += 1) connection.send(chunk)
    })
    const { client } = await start(upstream)
    client.keeps = false
    client.send(`${connect}go`)
    await until(() => client.bytes > 0)
    client.pause()
    await settles(() => upstream.connections[0]?.unsent ?? 0)
    expect(upstream.connections[0]?.unsent).toBeGreaterThan(16 << 20)
    client.resume()
    await until(() => client.bytes >= 32 << 20)
  })

  test('nobody listens: 503, and the connection is closed', async () => {
    const upstream = echo()
    const { port } = upstream
    upstream.stop()
    const { client } = await start(echo(), { cluster: new FakeCluster([port]) })
    client.send(`${connect}${get}`)
    const text = await client.ends()
    expect(text).toStartWith('HTTP/1.1 503 ')
    expect(text.split('HTTP/1.1 ').length).toBe(2)
  })
})

describe('a CONNECT that is passed on', () => {
  const decide = (): ForwardDecision => toDecision(false)

  test('opens with 2xx; nothing of the tunnel goes upstream before', async () => {
    const upstream = new RawServer(() => undefined)
    const { client } = await start(upstream, { decide })
    client.send(`${connect}ahead`)
    await until(() => upstream.connections[0]?.received.endsWith('\r\n\r\n') === true)
    await settles(() => upstream.connections[0]?.bytes ?? 0)
    expect(upstream.connections[0]?.received).toEndWith('\r\n\r\n')
    upstream.connections[0]?.send('HTTP/1.1 200 Established\r\n\r\nhello')
    await client.sees('hello')
    await until(() => upstream.connections[0]?.received.endsWith('ahead') === true)
  })

  test('another answer is a response, and what came behind the request is never taken for one', async () => {
    const upstream = answering(() => 'HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno')
    const { client } = await start(upstream, { decide })
    client.send(connect + get)
    const text = await client.ends()
    expect(text).toStartWith('HTTP/1.1 407 ')
    expect(text).toEndWith('no')
    expect(upstream.received).not.toContain('/next')
  })
})

test('an upgrade that the proxy itself answers closes the connection: what came behind is never taken for a request', async () => {
  const { client } = await start(echo(), {
    manager: { upgrades: ['websocket'] },
    decide: () => ({ kind: 'no-route' }),
  })
  client.send(`GET / HTTP/1.1\r\nHost: up\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${get}`)
  const text = await client.ends()
  expect(text).toStartWith('HTTP/1.1 404 ')
  expect(text).toContain('connection: close\r\n')
  expect(text.split('HTTP/1.1 ').length).toBe(2)
})
