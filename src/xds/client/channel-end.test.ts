import { afterEach, expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { Client, credentials, type ChannelCredentials } from '@grpc/grpc-js'
import { freePort } from '../../../test/harness/free-port.ts'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import { endingWithChannel } from './channel-end.ts'

const stops: (() => unknown)[] = []
afterEach(() => {
  for (const stop of stops.splice(0).toReversed()) stop()
})

/** Makes a call that is refused, since nobody listens, and closes the channel. */
function callInVain(port: number, channelCredentials: ChannelCredentials): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, channelCredentials, {
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  })
  const asIs = (bytes: Buffer): Buffer => bytes
  return new Promise((resolve) => {
    client.makeUnaryRequest('/a.B/C', asIs, asIs, Buffer.alloc(0), () => {
      client.close()
      resolve()
    })
  })
}

/** Counts connections to a port from now on. */
async function countConnections(port: number): Promise<{ readonly count: () => number }> {
  let count = 0
  const server = createServer((socket) => {
    count += 1
    socket.on('error', () => undefined)
    stops.push(() => socket.destroy())
  })
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', () => resolve()))
  stops.push(() => server.close())
  return { count: () => count }
}

test('endingWithChannel() leaves no connection behind that was tried again when its channel was closed', async () => {
  const [port, plainPort] = [await freePort(), await freePort()]
  await callInVain(port, endingWithChannel(credentials.createInsecure()))
  // The same without it, later: when this one has come back, the other had its time.
  await callInVain(plainPort, credentials.createInsecure())
  const connections = await countConnections(port)
  const plainConnections = await countConnections(plainPort)
  await waitUntil('the other channel, though closed, has connected', () => plainConnections.count() === 1)
  expect(connections.count()).toBe(0)
})

test('endingWithChannel() lets an open channel connect again', async () => {
  const port = await freePort()
  const client = new Client(`127.0.0.1:${port}`, endingWithChannel(credentials.createInsecure()), {
    'grpc.initial_reconnect_backoff_ms': 100,
  })
  stops.push(() => client.close())
  client.getChannel().getConnectivityState(true)
  const connections = await countConnections(port)
  await waitUntil('it has connected', () => connections.count() > 0)
  expect(connections.count()).toBe(1)
})
