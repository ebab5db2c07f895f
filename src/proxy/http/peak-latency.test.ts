/** What an endpoint that is balanced by peak EWMA is told of a request. */
import { afterEach, expect, test } from 'bun:test'
import { PeakLatency } from '../balance/index.ts'
import { FakeCluster, ManualClock, plainForward, startFixture } from './http-server.fixture.ts'
import { okResponse, RawClient, type RawConnection, RawServer, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const unknown = { defaultRttMs: 1, penalty: 1_000_000 }

/** Latency that an endpoint is held to have after one request, which the upstream had so long before `answer`, if at all. */
async function latencyOf(passMs: number, answer: string): Promise<number> {
  let asked: RawConnection | undefined
  const upstream = new RawServer((connection) => {
    asked = connection
  })
  stops.push(() => upstream.stop())
  const clock = new ManualClock()
  const cluster = new FakeCluster([upstream.port])
  const latency = new PeakLatency(10_000)
  for (const endpoint of cluster.endpoints) endpoint.latency = latency
  const decide = () => ({ ...plainForward, timeoutMs: 500 })
  const fixture = startFixture({ cluster, timers: clock.timers, decide })
  stops.push(fixture.stop)
  const client = await RawClient.connect(fixture.port)
  client.send('GET / HTTP/1.1\r\nHost: up:80\r\nConnection: close\r\n\r\n')
  await until(() => asked !== undefined, 'the request upstream')
  clock.pass(passMs)
  asked?.send(answer)
  await client.ends()
  client.close()
  return latency.cost({ activeRequests: 0 }, unknown, clock.timers.now())
}

test('an answer counts with its time', async () => {
  expect(await latencyOf(300, okResponse('hello'))).toBe(300)
})

test('a request that timed out counts with the time that it was waited for', async () => {
  expect(await latencyOf(700, '')).toBe(700)
})
