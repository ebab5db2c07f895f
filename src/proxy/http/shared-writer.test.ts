/** Connections of one listener share the buffer in which heads are written: nothing of one may leave with another. */
import { afterEach, expect, test } from 'bun:test'
import { connect } from 'node:http2'
import { FakeCluster, plainForward, startFixture } from './http-server.fixture.ts'
import { RawClient, RawServer, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0).toReversed()) stop()
})

const framings = [
  ['with a length', 'content-length: 10', ['first', 'later'], 'firstlater'],
  [
    'in chunks',
    'transfer-encoding: chunked',
    ['5\r\nfirst\r\n', '5\r\nlater\r\n0\r\n\r\n'],
    '5\r\nfirst\r\n5\r\nlater\r\n0\r\n\r\n',
  ],
] as const

test.each(framings)(
  'a response %s that arrives in pieces holds nothing of a request of HTTP/2 between them',
  async (_title, framing, [first, later], body) => {
    const upstream = new RawServer((connection) => {
      const slow = connection.received.includes('/slow')
      connection.received = ''
      connection.send(
        slow ? `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${first}` : 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      )
    })
    stops.push(() => upstream.stop())
    const fixture = startFixture({
      cluster: new FakeCluster([upstream.port]),
      decide: () => plainForward,
      manager: { codec: 'auto' },
    })
    stops.push(fixture.stop)
    const client = await RawClient.connect(fixture.port)
    stops.push(() => client.close())
    client.send('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n')
    await client.sees('first')

    const session = connect(`http://127.0.0.1:${fixture.port}`)
    stops.push(() => session.destroy())
    const stream = session.request({ ':path': '/secret', 'x-secret': 'of another client' })
    let status = 0
    stream.on('response', (response) => (status = Number(response[':status'])))
    await until(() => status === 200)

    upstream.connections[0]?.send(later)
    const seen = await client.sees('later')
    expect(seen.slice(seen.indexOf('\r\n\r\n') + 4)).toBe(body)
  },
)
