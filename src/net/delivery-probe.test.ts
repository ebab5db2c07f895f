import { afterEach, expect, test } from 'bun:test'
import { createDeliveryProbe } from './delivery-probe.ts'
import { connectTestClient, createRecordingOwner, createTestServer, until } from './sockets.fixture.ts'
import type { SocketOwner } from './socket-owner.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A client and the server's side of its connection; neither does anything by itself. */
async function pair(owner: SocketOwner) {
  const peerOwner = createRecordingOwner({ keepOpen: true })
  const server = createTestServer(() => peerOwner)
  stops.push(() => server[Symbol.dispose]())
  const client = await connectTestClient(server.port, owner)
  stops.push(() => client.terminate())
  await until(() => server.sockets.length === 1, 'the connection')
  const [peer] = server.sockets
  if (peer === undefined) throw new Error('no connection')
  return { client, peer, peerOwner }
}

const linux = process.platform === 'linux'

// The first of this file: the runtime binds the calls to their memory when there is one probe only.
test.if(linux)('isQuiet() and unacknowledged() look at the socket they are asked about, however often', async () => {
  const probe = createDeliveryProbe()
  const owner = createRecordingOwner({ keepOpen: true })
  const { client: quiet } = await pair(owner)
  const { client: readable, peer } = await pair(owner)
  peer.write('x')
  await until(() => !probe.isQuiet(readable), 'the octet')
  let wrong = 0
  // Often enough for the runtime to compile the calls.
  for (let call = 0; call < 20_000; call += 1) {
    if (!probe.isQuiet(quiet) || probe.isQuiet(readable) || probe.unacknowledged(quiet) !== 0) wrong += 1
  }
  expect(wrong).toBe(0)
})

test.if(linux)('isQuiet() sees bytes and ends before the events that tell of them', async () => {
  const probe = createDeliveryProbe()
  const { client, peer } = await pair(createRecordingOwner({ keepOpen: true }))
  expect(probe.isQuiet(client)).toBe(true)
  peer.write('x')
  expect(probe.isQuiet(client)).toBe(false)
  const ended = await pair(createRecordingOwner({ keepOpen: true }))
  ended.peer.shutdown()
  expect(probe.isQuiet(ended.client)).toBe(false)
  const reset = await pair(createRecordingOwner({ keepOpen: true }))
  reset.peer.terminate()
  expect(probe.isQuiet(reset.client)).toBe(false)
  expect(probe.isQuiet(peer)).toBe(true)
})

test('isQuiet() and unacknowledged() answer for a socket that is gone', async () => {
  const probe = createDeliveryProbe()
  const owner = createRecordingOwner()
  const { client } = await pair(owner)
  client.terminate()
  await until(() => owner.closed, 'the close')
  expect([probe.isQuiet(client), probe.unacknowledged(client)]).toEqual([false, -1])
})

test.if(linux)(
  'unacknowledged() counts all that was sent after the peer had closed, and nothing that it had received',
  async () => {
    const probe = createDeliveryProbe()
    const counts: number[] = []
    const owner: SocketOwner = {
      ...createRecordingOwner({ keepOpen: true }),
      onEnd: (socket) => void counts.push(probe.unacknowledged(socket)),
    }
    const late = await pair(owner)
    late.peer.end()
    late.client.write('POST')
    await until(() => counts.length === 1, 'the end')
    const early = await pair(owner)
    early.client.write('POST')
    await until(() => early.peerOwner.received === 4, 'the octets')
    early.peer.end()
    await until(() => counts.length === 2, 'the end')
    expect(counts).toEqual([4, 0])
  },
)
