import { expect, test } from 'bun:test'
import { until } from './sockets.fixture.ts'
import { bindUdp, connectUdp, type UdpConnection, type UdpListener } from './udp-socket.ts'

async function bound(onDatagram: (bytes: Uint8Array, port: number, address: string) => void): Promise<UdpListener> {
  const made = await bindUdp('127.0.0.1', 0, { onDatagram })
  if (!made.ok) throw made.error
  return made.value
}

async function connected(port: number, onDatagram = (_bytes: Uint8Array): void => undefined, onError = () => {}) {
  const made: UdpConnection | undefined = await connectUdp('127.0.0.1', port, { onDatagram, onError })
  if (made === undefined) throw new Error('no socket')
  return made
}

test('bindUdp() and connectUdp() carry datagrams both ways, empty ones too', async () => {
  const seen: number[] = []
  const answers: string[] = []
  const listener = await bound((bytes, port, address) => {
    seen.push(bytes.length)
    expect(listener.send(Buffer.from(`got ${bytes.length}`), port, address)).toBe('sent')
  })
  const connection = await connected(listener.port, (bytes) => void answers.push(Buffer.from(bytes).toString()))
  for (const size of [5, 0, 20_000]) expect(connection.send(Buffer.alloc(size))).toBe('sent')
  await until(() => answers.length === 3, 'three answers')
  expect(seen).toEqual([5, 0, 20_000])
  expect(answers).toEqual(['got 5', 'got 0', 'got 20000'])
  connection.close()
  listener.close()
})

test('bindUdp() gives WEFT_NET_BIND for a port that is taken, and close() frees it at once', async () => {
  const first = await bound(() => undefined)
  const second = await bindUdp('127.0.0.1', first.port, { onDatagram: () => undefined })
  expect(second.ok ? '' : second.error.code).toBe('WEFT_NET_BIND')
  first.close()
  const third = await bindUdp('127.0.0.1', first.port, { onDatagram: () => undefined })
  if (!third.ok) throw third.error
  expect(third.value.port).toBe(first.port)
  third.value.close()
})

test('connectUdp() tells of a peer that does not listen, and of datagrams that cannot be sent', async () => {
  const listener = await bound(() => undefined)
  let errors = 0
  const connection = await connected(
    listener.port,
    () => undefined,
    () => void (errors += 1),
  )
  expect(connection.send(Buffer.alloc(70_000))).toBe('failed')
  listener.close()
  connection.send(Buffer.from('x'))
  await until(() => errors === 1, 'the refusal')
  connection.close()
})

test('connectUdp() hears its peer only', async () => {
  const heard: string[] = []
  const [peer, stranger] = [await bound(() => undefined), await bound(() => undefined)]
  const connection = await connected(peer.port, (bytes) => void heard.push(Buffer.from(bytes).toString()))
  const port = Number(connection.localAddress.split(':')[1])
  stranger.send(Buffer.from('stranger'), port, '127.0.0.1')
  peer.send(Buffer.from('peer'), port, '127.0.0.1')
  await until(() => heard.length > 0, 'a datagram')
  expect(heard).toEqual(['peer'])
  for (const socket of [peer, stranger, connection]) socket.close()
})
