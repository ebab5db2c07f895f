/** The mixed traffic: what is asked of the proxies, how often, and how many of it at once. */
import { Http1Connection, type Http1Request } from './http1-client.ts'
import { Http2Client } from './http2-client.ts'
import { patternOf } from './pattern.ts'
import type { Recorder } from './recorder.ts'
import type { SoakPorts } from './bootstraps.ts'
import { echoDatagrams, echoTcp, echoWebSocket, openTls, readSlowly } from './stream-clients.ts'

/** One kind of traffic. */
interface Kind {
  readonly name: string
  readonly everyMs: number
  readonly atOnce: number
  readonly run: () => Promise<void>
}

/** Traffic that can be paused. */
export interface Traffic {
  readonly start: () => void
  /** Begins nothing more, and resolves when all that ran has ended and every connection is closed. */
  readonly stop: () => Promise<void>
}

const kib = 1024
const stopTimeoutMs = 30_000

/** Connections that are kept for a number of requests. */
class KeptConnections {
  readonly #open: () => Promise<Http1Connection>
  readonly #requestsEach: number
  readonly #idle: { readonly connection: Http1Connection; asked: number }[] = []

  constructor(open: () => Promise<Http1Connection>, requestsEach: number) {
    this.#open = open
    this.#requestsEach = requestsEach
  }

  async exchange(request: Http1Request): Promise<void> {
    let kept = this.#idle.pop()
    while (kept?.connection.isClosed === true) kept = this.#idle.pop()
    kept ??= { connection: await this.#open(), asked: 0 }
    kept.asked += 1
    try {
      await kept.connection.exchange(request)
    } catch (cause) {
      kept.connection.close()
      throw cause
    }
    if (kept.asked < this.#requestsEach) this.#idle.push(kept)
    else kept.connection.close()
  }

  close(): void {
    for (const { connection } of this.#idle.splice(0)) connection.close()
  }
}

/** A connection for one request, or for some that are written at once. */
async function once(connection: Http1Connection, requests: readonly Http1Request[]): Promise<void> {
  try {
    await Promise.all(requests.map((request) => connection.exchange(request)))
  } finally {
    connection.close()
  }
}

function bytes(count: number): Http1Request {
  return { path: `/bytes/${count}`, expectBytes: count }
}

function echo(count: number): Http1Request {
  return { path: '/echo', body: patternOf(count), expectBytes: count }
}

function grpcParts(count: number, size: number): readonly Buffer[] {
  const all = patternOf(count * size)
  return Array.from({ length: count }, (_, index) => all.subarray(index * size, (index + 1) * size))
}

/** Makes the traffic of a run; it begins with `start`. */
export function createTraffic(ports: SoakPorts, recorder: Recorder): Traffic {
  const client = new KeptConnections(() => Promise.resolve(Http1Connection.open(ports.client)), 200)
  const gateway = new KeptConnections(async () => new Http1Connection(await openTls(ports.gatewayTls)), 100)
  const http2 = new Http2Client(`https://127.0.0.1:${ports.gatewayTls}`, 500)
  const grpc = new Http2Client(`http://127.0.0.1:${ports.client}`, 500)
  const grpcTls = new Http2Client(`https://127.0.0.1:${ports.gatewayTls}`, 200)
  const kinds = [...httpKinds(ports, client, gateway), ...http2Kinds(http2, grpc, grpcTls), ...streamKinds(ports)]
  let timers: ReturnType<typeof setInterval>[] = []
  return {
    start: () => {
      timers = kinds.map(({ name, everyMs, atOnce, run }) => {
        return setInterval(() => void recorder.run(name, atOnce, run), everyMs)
      })
    },
    stop: async () => {
      for (const timer of timers.splice(0)) clearInterval(timer)
      const end = performance.now() + stopTimeoutMs
      while (recorder.running > 0) {
        if (performance.now() > end) throw new Error(`Expected traffic to end: ${recorder.describeRunning()}`)
        await Bun.sleep(20)
      }
      for (const one of [client, gateway, http2, grpc, grpcTls]) one.close()
    },
  }
}

function httpKinds(ports: SoakPorts, client: KeptConnections, gateway: KeptConnections): readonly Kind[] {
  const resumed = { session: undefined }
  const open = (): Http1Connection => Http1Connection.open(ports.client)
  return [
    { name: 'http1 keep-alive', everyMs: 20, atOnce: 40, run: () => client.exchange(bytes(300)) },
    { name: 'http1 keep-alive post', everyMs: 50, atOnce: 20, run: () => client.exchange(echo(2000)) },
    { name: 'http1 tls keep-alive', everyMs: 50, atOnce: 20, run: () => gateway.exchange(bytes(1000)) },
    {
      name: 'http1 chunked',
      everyMs: 200,
      atOnce: 10,
      run: () => client.exchange({ path: '/chunked/100000', expectBytes: 100_000 }),
    },
    {
      name: 'http1 late answer',
      everyMs: 500,
      atOnce: 10,
      run: () => client.exchange({ path: '/late/300', expectBytes: 100 }),
    },
    {
      name: 'http1 one-shot',
      everyMs: 100,
      atOnce: 20,
      run: () => once(open(), [{ ...bytes(300), headers: ['connection: close'] }]),
    },
    {
      name: 'http1 pipelined',
      everyMs: 1000,
      atOnce: 5,
      run: () => once(open(), [bytes(10), bytes(70_000), echo(500), bytes(1)]),
    },
    { name: 'http1 large download', everyMs: 1000, atOnce: 3, run: () => once(open(), [bytes(2048 * kib)]) },
    {
      name: 'http1 large upload',
      everyMs: 2000,
      atOnce: 3,
      run: () => once(open(), [{ path: '/take', body: patternOf(2048 * kib) }]),
    },
    { name: 'http1 large echo', everyMs: 2000, atOnce: 3, run: () => once(open(), [echo(1024 * kib)]) },
    { name: 'http1 slow reader', everyMs: 3000, atOnce: 3, run: () => readSlowly(open(), 2048 * kib) },
    {
      name: 'tls full',
      everyMs: 400,
      atOnce: 5,
      run: async () => once(new Http1Connection(await openTls(ports.gatewayTls)), [bytes(10)]),
    },
    {
      name: 'tls resumed',
      everyMs: 400,
      atOnce: 5,
      run: async () => once(new Http1Connection(await openTls(ports.gatewayTls, resumed)), [bytes(10)]),
    },
    {
      name: 'tls large download',
      everyMs: 2000,
      atOnce: 3,
      run: async () => once(new Http1Connection(await openTls(ports.gatewayTls)), [bytes(1024 * kib)]),
    },
  ]
}

function http2Kinds(http2: Http2Client, grpc: Http2Client, grpcTls: Http2Client): readonly Kind[] {
  const unary = { path: '/soak.Echo/Unary', headers: { 'content-type': 'application/grpc', te: 'trailers' } }
  const call = (parts: number, size: number) => ({
    ...unary,
    parts: grpcParts(parts, size),
    expectBytes: parts * size,
    expectGrpcStatus: '0',
  })
  const four = async (): Promise<void> => {
    await Promise.all([10, 1000, 20_000, 90_000].map((count) => http2.exchange(bytesOf(count))))
  }
  return [
    { name: 'http2 tls, 4 streams', everyMs: 150, atOnce: 10, run: four },
    {
      name: 'http2 tls post',
      everyMs: 250,
      atOnce: 10,
      run: () => http2.exchange({ path: '/echo', parts: [patternOf(30_000)], expectBytes: 30_000 }),
    },
    { name: 'http2 large download', everyMs: 2000, atOnce: 3, run: () => http2.exchange(bytesOf(2048 * kib)) },
    { name: 'grpc unary, sidecars', everyMs: 50, atOnce: 20, run: () => grpc.exchange(call(1, 120)) },
    { name: 'grpc stream, sidecars', everyMs: 500, atOnce: 10, run: () => grpc.exchange(call(20, 2000)) },
    { name: 'grpc unary, gateway', everyMs: 100, atOnce: 20, run: () => grpcTls.exchange(call(1, 120)) },
    { name: 'grpc stream, gateway', everyMs: 1000, atOnce: 10, run: () => grpcTls.exchange(call(10, 10_000)) },
  ]
}

function bytesOf(count: number): { readonly path: string; readonly expectBytes: number } {
  return { path: `/bytes/${count}`, expectBytes: count }
}

function streamKinds(ports: SoakPorts): readonly Kind[] {
  return [
    {
      name: 'websocket, sidecars',
      everyMs: 700,
      atOnce: 5,
      run: () => echoWebSocket(`ws://127.0.0.1:${ports.client}/chat`),
    },
    {
      name: 'websocket, gateway',
      everyMs: 1100,
      atOnce: 5,
      run: () => echoWebSocket(`wss://127.0.0.1:${ports.gatewayTls}/chat`),
    },
    { name: 'tcp', everyMs: 250, atOnce: 10, run: () => echoTcp(ports.gatewayTcp, 20 * kib) },
    { name: 'tcp large', everyMs: 2000, atOnce: 3, run: () => echoTcp(ports.gatewayTcp, 2048 * kib) },
    { name: 'udp', everyMs: 200, atOnce: 20, run: () => echoDatagrams(ports.gatewayUdp, 4) },
  ]
}
