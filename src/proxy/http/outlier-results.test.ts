/** What the endpoint's monitor is told of a request. */
import { afterEach, expect, test } from 'bun:test'
import { testOutlierConfig } from '../data-plane-configs.fixture.ts'
import { OutlierDetector } from '../health/index.ts'
import { type CompiledRetry, type ForwardDecision, RetryOn } from '../route/index.ts'
import { FakeCluster, ManualClock, plainForward, startFixture } from './http-server.fixture.ts'
import { answering, okResponse, RawClient, RawServer, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

interface Told {
  readonly external: { readonly total: number; readonly succeeded: number }
  readonly local: { readonly total: number; readonly succeeded: number }
}

interface Asked {
  readonly told: Told
  readonly answer: string
}

/** Sends one request to an upstream whose failures of local origin are counted apart. */
async function ask(
  upstream: { readonly port: number },
  decision: Partial<ForwardDecision> = {},
  clock?: { readonly manual: ManualClock; readonly passMs: number; readonly when: () => boolean },
  request = 'GET / HTTP/1.1\r\nHost: up:80\r\nConnection: close\r\n\r\n',
): Promise<Asked> {
  const cluster = new FakeCluster([upstream.port])
  const monitor = new OutlierDetector(testOutlierConfig({ splitLocalOrigin: true }), {
    now: () => 0,
    random: () => 0,
    stats: { detected: () => undefined, enforced: () => undefined, overflow: () => undefined, active: () => undefined },
    onChange: () => undefined,
  }).add()
  for (const endpoint of cluster.endpoints) endpoint.outlier = monitor
  const fixture = startFixture({
    cluster,
    decide: () => ({ ...plainForward, ...decision }),
    ...(clock === undefined ? {} : { timers: clock.manual.timers }),
  })
  stops.push(fixture.stop)
  const client = await RawClient.connect(fixture.port)
  client.send(request)
  if (clock !== undefined) {
    await until(clock.when, 'the request upstream')
    clock.manual.pass(clock.passMs)
  }
  const answer = await client.ends()
  client.close()
  return { told: { external: monitor.external, local: monitor.local }, answer }
}

function serve(server: RawServer): RawServer {
  stops.push(() => server.stop())
  return server
}

function told(external: readonly [number, number], local: readonly [number, number]): Told {
  return {
    external: { succeeded: external[0], total: external[1] },
    local: { succeeded: local[0], total: local[1] },
  }
}

const retry: CompiledRetry = {
  attempts: 2,
  on: RetryOn.serverError,
  retriableStatusCodes: [],
  perTryTimeoutMs: 0,
  backoffBaseMs: 1,
  backoffMaxMs: 5,
  avoidPreviousHosts: false,
  hostSelectionAttempts: 1,
}

test('a response counts with its status, and its connection as had', async () => {
  expect((await ask(serve(answering(() => okResponse())))).told).toEqual(told([1, 1], [1, 1]))
  const broken = await ask(serve(answering(() => 'HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n')))
  expect(broken.told).toEqual(told([0, 1], [1, 1]))
})

test('each attempt of a retried request counts', async () => {
  const upstream = answering(() => 'HTTP/1.1 503 Broken\r\nContent-Length: 0\r\n\r\n')
  expect((await ask(serve(upstream), { retry })).told).toEqual(told([0, 3], [3, 3]))
})

test('a refused connection is a failure of local origin', async () => {
  const gone = answering(() => okResponse())
  gone.stop()
  expect((await ask(gone)).told).toEqual(told([0, 0], [0, 1]))
})

test('a reset before the response, nonsense, and a response that breaks off are failures of local origin', async () => {
  const reset = await ask(serve(new RawServer((connection) => connection.abort())))
  expect(reset.told).toEqual(told([0, 0], [1, 2]))
  const nonsense = await ask(serve(new RawServer((connection) => connection.send('SSH-2.0-x\r\n\r\n'))))
  expect(nonsense.told).toEqual(told([0, 0], [1, 2]))
  const half = await ask(
    serve(
      new RawServer((connection) => {
        connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        connection.end()
      }),
    ),
  )
  expect(half.told).toEqual(told([1, 1], [1, 2]))
})

test('an endpoint that does not answer in time is a failure of local origin', async () => {
  const manual = new ManualClock()
  let received = false
  const silent = serve(new RawServer(() => (received = true)))
  const asked = await ask(silent, { timeoutMs: 100 }, { manual, passMs: 200, when: () => received })
  expect(asked.answer).toStartWith('HTTP/1.1 504 ')
  expect(asked.told).toEqual(told([0, 0], [1, 2]))
})

test.each([
  ['14', [0, 1]],
  ['5', [1, 1]],
  ['0', [1, 1]],
] as const)(
  'a call of gRPC that fails at once with %s counts with what its status stands for',
  async (status, external) => {
    const upstream = serve(
      answering(
        () =>
          `HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nGrpc-Status: ${status}\r\nContent-Length: 0\r\n\r\n`,
      ),
    )
    const call =
      'POST /s/M HTTP/1.1\r\nHost: up:80\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    expect((await ask(upstream, {}, undefined, call)).told).toEqual(told(external, [1, 1]))
  },
)
