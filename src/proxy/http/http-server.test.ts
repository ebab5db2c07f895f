import { afterEach, describe, expect, test } from 'bun:test'

import { FakeCluster, type Fixture, type FixtureOptions, plainForward, startFixture } from './http-server.fixture.ts'
import { answering, okResponse, RawClient, RawServer, settles, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function start(upstream: RawServer | undefined, options: FixtureOptions = {}): Fixture {
  if (upstream !== undefined) stops.push(() => upstream.stop())
  const cluster = options.cluster ?? (upstream === undefined ? undefined : new FakeCluster([upstream.port]))
  const fixture = startFixture({ ...options, ...(cluster === undefined ? {} : { cluster }) })
  stops.push(fixture.stop)
  return fixture
}

async function client(fixture: Fixture): Promise<RawClient> {
  const made = await RawClient.connect(fixture.port)
  stops.push(() => made.close())
  return made
}

const get = (path = '/', lines = ''): string => `GET ${path} HTTP/1.1\r\nHost: up:80\r\n${lines}\r\n`
const noId = { manager: { generateRequestId: false } }

describe('forwarding', () => {
  test('received lines go upstream as they came, hop-by-hop fields do not', async () => {
    const upstream = answering(() =>
      okResponse('hi', 'X-Up: 1\r\nConnection: X-Drop\r\nX-Drop: 1\r\nKeep-Alive: t=1\r\nServer: s\r\n'),
    )
    const c = await client(start(upstream, noId))
    c.send(
      get(
        '/a?b=c',
        'X-CasE:  kept \r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nProxy-Connection: a\r\n',
      ),
    )
    const response = await c.sees('hi')
    expect(upstream.received).toBe(
      'GET /a?b=c HTTP/1.1\r\nHost: up:80\r\nX-CasE:  kept \r\nte: trailers\r\nx-forwarded-proto: http\r\n\r\n',
    )
    expect(response.replace(/time: \d+/, 'time: N').replace(/date: .* GMT/, 'date: D')).toBe(
      'HTTP/1.1 200 OK\r\nX-Up: 1\r\ncontent-length: 2\r\ndate: D\r\nx-envoy-upstream-service-time: N\r\nserver: envoy\r\n\r\nhi',
    )
  })

  test('a request split at every octet reaches the upstream the same', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.received.endsWith('body!')) {
        connection.send(okResponse())
        connection.received += '|'
      }
    })
    const fixture = start(upstream, noId)
    const text = 'POST /x HTTP/1.1\r\nHost: up\r\nContent-Length: 5\r\n\r\nbody!'
    for (let cut = 1; cut < text.length; cut += 1) {
      const c = await client(fixture)
      c.send(text.slice(0, cut))
      await until(() => fixture.server.activeRequests === 1)
      c.send(text.slice(cut))
      await c.sees('hello')
      c.close()
      await until(() => fixture.server.connections === 0)
    }
    const once = 'POST /x HTTP/1.1\r\nHost: up\r\nx-forwarded-proto: http\r\ncontent-length: 5\r\n\r\nbody!|'
    const texts = new Set(upstream.received.split('|').map((part) => `${part}|`))
    texts.delete('|')
    expect([...texts].map((part) => part.replace('x-forwarded-proto: http\r\ncontent-length: 5', 'F'))).toEqual([
      once.replace('x-forwarded-proto: http\r\ncontent-length: 5', 'content-length: 5\r\nx-forwarded-proto: http'),
    ])
  })

  test('pipelined requests are answered in order on one connection', async () => {
    const upstream = answering((request) => okResponse(`<${/GET \/(\d+)/.exec(request)?.[1]}>`))
    const c = await client(start(upstream))
    c.send(Array.from({ length: 300 }, (_, index) => get(`/${index}`)).join(''))
    await c.sees('<299>')
    expect([...c.received.matchAll(/<(\d+)>/g)].map((match) => Number(match[1]))).toEqual(
      Array.from({ length: 300 }, (_, index) => index),
    )
    expect(upstream.connections.length).toBe(1)
  })

  test('a client that half-closes behind its requests gets all answers', async () => {
    const upstream = answering((_request, number) => okResponse(`n${number};`))
    const fixture = start(upstream)
    for (const tail of ['', 'GET /unfinished HT']) {
      const c = await client(fixture)
      c.send(get().repeat(3) + tail)
      c.finish()
      const text = await c.ends()
      expect(text.split('HTTP/1.1 200').length).toBe(4)
    }
    await until(() => fixture.server.connections === 0 && fixture.server.activeRequests === 0)
  })

  test('pipelined local replies do not recurse', async () => {
    const c = await client(start(undefined, { decide: () => ({ kind: 'no-route' }) }))
    c.send(get().repeat(5000))
    await until(() => c.received.split('HTTP/1.1 404').length === 5001)
  })

  test('absolute form: the target names the authority', async () => {
    const upstream = answering(() => okResponse())
    let authority = ''
    const c = await client(
      start(upstream, { ...noId, decide: (request) => ((authority = request.authority), plainForward) }),
    )
    c.send('GET http://reviews:9080/x?y HTTP/1.1\r\nHost: other\r\n\r\n')
    await c.sees('hello')
    c.send('GET http://reviews:9080 HTTP/1.1\r\nHost: other\r\n\r\n')
    await until(() => upstream.received.includes('GET / '))
    expect(authority).toBe('reviews:9080')
    expect(upstream.received).toStartWith('GET /x?y HTTP/1.1\r\nhost: reviews:9080\r\n')
    expect(upstream.received).not.toContain('other')
  })

  test('HEAD, 204 and 304 have no body and keep the connection', async () => {
    const upstream = answering((request) =>
      request.startsWith('HEAD')
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n'
        : request.includes('/204')
          ? 'HTTP/1.1 204 No Content\r\n\r\n'
          : 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
    )
    const c = await client(start(upstream))
    c.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' + get('/204') + get('/304'))
    await until(() => c.received.split('\r\n\r\n').length === 4)
    expect(c.received).toContain('content-length: 999')
    expect(upstream.connections.length).toBe(1)
  })

  test('chunked bodies and trailers pass both ways, framed anew', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.received.endsWith('\r\n\r\n') && connection.received.includes('0\r\n'))
        connection.send(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-T: v\r\nContent-Length: 3\r\n\r\n',
        )
    })
    const c = await client(start(upstream, noId))
    c.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n')
    await until(() => upstream.received.includes('hello'))
    c.send('1\r\n!\r\n0\r\nX-Req: t\r\nHost: evil\r\n\r\n')
    const response = await c.sees('X-T')
    await c.sees('X-T: v\r\n\r\n')
    expect(response).toContain('transfer-encoding: chunked')
    expect(c.received).toEndWith('\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: v\r\n\r\n')
    expect(upstream.received).toEndWith(
      'transfer-encoding: chunked\r\nx-forwarded-proto: http\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\nX-Req: t\r\n\r\n',
    )
  })

  test('HTTP/1.0 clients get plain bodies and no keep-alive unless they ask', async () => {
    const upstream = answering(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
    const fixture = start(upstream, noId)
    const c = await client(fixture)
    c.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    const response = await c.ends()
    expect(response).toContain('connection: close\r\n\r\nabc')
    expect(response).not.toContain('chunked')
    expect(upstream.received).toStartWith('GET / HTTP/1.1\r\n')
    const kept = await client(fixture)
    kept.send('HEAD / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n')
    expect(await kept.sees('\r\n\r\n')).toContain('connection: keep-alive')
  })

  test('a body that ends with the upstream connection becomes chunked', async () => {
    const upstream = new RawServer((connection) => {
      connection.send('HTTP/1.0 200 OK\r\n\r\nsome')
      connection.send(' text')
      connection.end()
    })
    const c = await client(start(upstream))
    c.send(get())
    const response = await c.sees('0\r\n\r\n')
    expect(response).toStartWith('HTTP/1.1 200 OK\r\n')
    expect(
      response
        .split('\r\n\r\n')
        .slice(1)
        .join('')
        .replaceAll(/[0-9a-f]+\r\n|\r\n/g, ''),
    ).toContain('some text')
    expect(c.over).toBe(false)
  })

  test('Expect: 100-continue is passed on and the upstream answers it', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.received.endsWith('body')) connection.send(okResponse('done'))
      else if (connection.received.includes('100-continue')) connection.send('HTTP/1.1 100 Continue\r\n\r\n')
    })
    const c = await client(start(upstream))
    c.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
    expect(await c.sees('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    c.send('body')
    expect(await c.sees('done')).toContain('HTTP/1.1 200 OK')
  })
})

describe('large bodies', () => {
  const size = 24 * 1024 * 1024

  test('a download waits for a slow client, and nothing is lost', async () => {
    const upstream = new RawServer((connection) => {
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`)
      connection.send(Buffer.alloc(size, 'x'))
      connection.end()
    })
    const c = await client(start(upstream))
    c.keeps = false
    c.pause()
    c.send(get())
    await until(() => upstream.connections.length === 1)
    await settles(() => upstream.connections[0]?.unsent ?? 0)
    // What has left the upstream lies in the buffers of four sockets, and at most one read of it in the proxy.
    expect(upstream.connections[0]?.unsent).toBeGreaterThan(0)
    expect(c.bytes).toBeLessThan(size)
    c.resume()
    await until(() => c.bytes > size)
  })

  test('an upload waits for a slow upstream, and nothing is lost', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.bytes > size) connection.send(okResponse('stored'))
    })
    upstream.keeps = false
    const fixture = start(upstream)
    const c = await client(fixture)
    c.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
    await until(() => upstream.connections.length === 1)
    upstream.connections[0]?.pause()
    c.send(Buffer.alloc(size, 'y'))
    await settles(() => c.unsent)
    expect(c.unsent).toBeGreaterThan(0)
    upstream.connections[0]?.resume()
    await c.sees('stored')
  })
})

describe('refusals', () => {
  test.each([
    'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'garbage\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n',
  ])('%j is answered with 400 and close, and nothing behind it is served', async (text) => {
    const upstream = answering(() => okResponse())
    const c = await client(start(upstream))
    c.send(text + get('/smuggled') + get('/smuggled'))
    const response = await c.ends()
    expect(response).toStartWith('HTTP/1.1 400 Bad Request\r\n')
    expect(response).toContain('connection: close')
    expect(response.split('HTTP/1.1 ').length).toBe(2)
    expect(upstream.received).not.toContain('smuggled')
  })

  test('too many fields are 431, another version 505, CONNECT and an upgrade that are not allowed 403', async () => {
    const fixture = start(answering(() => okResponse()))
    for (const [text, status] of [
      [get('/', 'A: b\r\n'.repeat(200)), 431],
      [get('/', `A: ${'b'.repeat(20_000)}\r\n`), 431],
      ['GET / HTTP/1.2\r\nHost: a\r\n\r\n', 505],
      ['CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 403],
      [get('/', 'Connection: upgrade\r\nUpgrade: connect\r\n'), 403],
      [get('/', 'Connection: upgrade\r\nUpgrade: websocket\r\n'), 403],
    ] as const) {
      const c = await client(fixture)
      c.send(text)
      expect(await c.sees('\r\n\r\n')).toStartWith(`HTTP/1.1 ${status} `)
    }
  })

  test('a head that never ends is 408', async () => {
    const c = await client(start(undefined, { manager: { requestHeadersTimeoutMs: 30 } }))
    c.send('GET / HT')
    expect(await c.ends()).toStartWith('HTTP/1.1 408 ')
  })

  test('a silent connection is closed', async () => {
    const c = await client(start(undefined, { manager: { requestHeadersTimeoutMs: 30 } }))
    expect(await c.ends()).toBe('')
  })
})

describe('upgrades', () => {
  const upgrade = get('/', 'Connection: Upgrade\r\nUpgrade: WebSocket\r\n')

  test('101 makes a tunnel; bytes sent ahead wait for it', async () => {
    const upstream = new RawServer((connection) => {
      if (connection.received.endsWith('\r\n\r\n')) {
        expect(connection.received).toContain('upgrade: WebSocket\r\nconnection: upgrade\r\n')
        connection.send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst')
      } else connection.send(`echo ${connection.received.slice(connection.received.lastIndexOf('\r\n') + 2)}`)
    })
    const fixture = start(upstream, { manager: { upgrades: ['websocket'] } })
    const c = await client(fixture)
    c.send(`${upgrade}ahead`)
    const text = await c.sees('echo ahead')
    expect(text).toContain('upgrade: websocket\r\nconnection: upgrade')
    expect(text).toContain('first')
    c.send(' more')
    await c.sees('echo ahead more')
    c.close()
    await until(() => upstream.connections[0]?.closed === true)
    expect(fixture.server.activeRequests).toBe(0)
  })

  test('another answer than 101 is a response, and what was sent ahead is never taken for a request', async () => {
    const upstream = answering((_request, number) => okResponse(`n${number}`))
    const c = await client(start(upstream, { manager: { upgrades: ['websocket'] } }))
    c.send(upgrade + get('/next'))
    await until(() => c.ended || c.closed)
    expect(c.received).toContain('connection: close')
    expect(c.received).toEndWith('n0')
    expect(upstream.received).not.toContain('GET /next')
  })

  test('101 without having asked is a protocol error', async () => {
    const upstream = answering(() => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n')
    const c = await client(start(upstream))
    c.send(get())
    expect(await c.sees('\r\n\r\n')).toStartWith('HTTP/1.1 502 ')
  })
})

describe('drain', () => {
  test('the health check filter answers 200, and 503 once the proxy drains', async () => {
    const fixture = start(undefined, { manager: { healthFilter: { matches: ({ path }) => path === '/healthz' } } })
    const prober = await client(fixture)
    prober.send('GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n')
    expect(await prober.sees('\r\n\r\n')).toStartWith(
      'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-envoy-upstream-healthchecked-cluster: \r\n',
    )
    prober.received = ''
    // The request is begun before the drain: its connection outlives it.
    prober.send('GET /healthz HTTP/1.1\r\n')
    await settles(() => fixture.server.activeRequests)
    const drained = fixture.server.drain(5000)
    prober.send('Host: p\r\n\r\n')
    const answer = await prober.ends()
    expect(answer).toStartWith('HTTP/1.1 503 Service Unavailable\r\n')
    expect(answer).toContain('x-envoy-immediate-health-check-fail: true\r\n')
    await drained
  })

  test('closes idle connections and answers what is in progress with close', async () => {
    let answer = (): void => undefined
    const upstream = new RawServer((connection) => {
      answer = () => connection.send(okResponse('late'))
    })
    const fixture = start(upstream)
    const idle = await client(fixture)
    const busy = await client(fixture)
    busy.send(get())
    await until(() => upstream.connections.length === 1 && upstream.received.length > 0)
    const drained = fixture.server.drain(5000)
    await idle.ends()
    answer()
    expect(await busy.ends()).toContain('connection: close')
    await drained
    expect(fixture.server.connections).toBe(0)
  })

  test('cuts what is open after the timeout', async () => {
    const upstream = new RawServer(() => undefined)
    const fixture = start(upstream)
    const c = await client(fixture)
    c.send(get())
    await until(() => upstream.received.length > 0)
    await fixture.server.drain(20)
    await c.ends()
    await until(() => upstream.connections[0]?.closed === true)
  })
})
