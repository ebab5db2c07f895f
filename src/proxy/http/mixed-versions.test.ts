import { afterEach, expect, test } from 'bun:test'
import { connect } from 'node:http2'

import { FakeCluster, startFixture } from './http-server.fixture.ts'
import { RawClient, RawServer, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0).toReversed()) stop()
})

test('what a client of HTTP/2 is told never reaches a client of HTTP/1.1', async () => {
  const upstream = new RawServer((connection) => {
    if (!connection.received.endsWith('\r\n\r\n')) return
    const secret = connection.received.includes('/secret')
    connection.received = ''
    if (secret) connection.send('HTTP/1.1 200 OK\r\nx-secret: one\r\ncontent-length: 2\r\n\r\nhi')
    else connection.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n')
  })
  stops.push(() => upstream.stop())
  const fixture = startFixture({ cluster: new FakeCluster([upstream.port]) })
  stops.push(fixture.stop)
  const client = await RawClient.connect(fixture.port)
  stops.push(() => client.close())
  client.send('GET /stream HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => client.received.includes('one'))
  const before = client.received.length
  const session = connect(`http://127.0.0.1:${fixture.port}`)
  stops.push(() => session.destroy())
  for (let time = 0; time < 3; time += 1) {
    const stream = session.request({ ':path': '/secret' })
    let text = ''
    stream.on('data', (bytes: Buffer) => (text += bytes.toString()))
    await until(() => text === 'hi')
    const streaming = upstream.connections[0]
    streaming?.send('3\r\ntwo\r\n')
    await until(() => client.received.length >= before + (time + 1) * 8)
  }
  expect(client.received.slice(before)).toBe('3\r\ntwo\r\n'.repeat(3))
})
