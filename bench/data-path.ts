/**
 * `bun bench/data-path.ts`: what one request costs in our code alone, without a kernel: sockets are objects that hand bytes over. Prints CPU
 * microseconds per request for one proxy (HTTP/1.1 both ways) and for a pair with HTTP/2 between the two. For profiles: `bun --cpu-prof`.
 */
import { systemAlarm, systemClock, TimerWheel } from '../src/base/index.ts'
import type { SocketOwner, StreamSocket } from '../src/net/index.ts'
import { MultiplexedConnection } from '../src/proxy/cluster/multiplexed-connection.ts'
import { FakeCluster, plainForward } from '../src/proxy/http/http-server.fixture.ts'
import { testHttpManager } from '../src/proxy/data-plane-configs.fixture.ts'
import { createHttpServer, type HttpServer } from '../src/proxy/http/index.ts'
import { defaultLimits } from '../src/proxy/limits.ts'
import type { DownstreamInfo } from '../src/proxy/network/index.ts'
import { createTelemetry } from '../src/telemetry/index.ts'

const connections = 20
const requestBytes = Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n')
const answerBytes = Buffer.from(
  `HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 20 Nov 2026 17:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 68\r\nConnection: keep-alive\r\n\r\n${'x'.repeat(68)}`,
)
const timers = new TimerWheel({ clock: systemClock, alarm: systemAlarm })

/** A socket whose written bytes go to `onWrite` at once. */
class FakeSocket {
  data: SocketOwner | undefined = undefined
  readonly localAddress = '127.0.0.1'
  readonly localPort = 80
  onWrite: (bytes: Uint8Array, start: number, length: number) => void = () => undefined
  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    this.onWrite(bytes, start, length)
    return length
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  shutdown(): void {}
  terminate(): void {}
  receive(bytes: Buffer): void {
    this.data?.onData(asSocket(this), bytes)
  }
}

function asSocket(fake: FakeSocket): StreamSocket {
  return fake as unknown as StreamSocket
}

function info(direction: DownstreamInfo['direction'], alpn: string): DownstreamInfo {
  return {
    remoteAddress: '127.0.0.1:40000',
    localAddress: '127.0.0.1:80',
    destinationAddress: '127.0.0.1',
    destinationPort: 80,
    direction,
    tls: false,
    peerSpiffeId: '',
    localSpiffeId: '',
    serverName: '',
    alpn,
  }
}

function serve(cluster: FakeCluster): HttpServer {
  const manager = testHttpManager({ generateRequestId: false })
  return createHttpServer({
    manager: () => manager,
    routeTable: () => ({ name: 'r', onDemand: false, decide: () => plainForward }),
    cluster: () => cluster,
    onDemand: undefined,
    telemetry: createTelemetry(),
    logAccess: () => undefined,
    clock: systemClock,
    random: Math.random,
    node: { id: 'n', name: 'n', namespace: 'd', workload: 'w', clusterId: 'c', labels: {} },
    timers,
    limits: defaultLimits,
  })
}

/** A cluster whose upstream answers each request at once, on as many idle connections as are needed. */
function answeringCluster(): FakeCluster {
  const cluster = new FakeCluster([1])
  const [endpoint] = cluster.endpoints
  const answers: FakeSocket[] = []
  for (let index = 0; index < connections * 2; index += 1) {
    const socket = new FakeSocket()
    socket.onWrite = () => {
      answers.push(socket)
      if (answers.length === 1) setImmediate(() => answers.splice(0).forEach((one) => one.receive(answerBytes)))
    }
    endpoint?.putIdle(asSocket(socket))
  }
  return cluster
}

let answered = 0

function clients(server: HttpServer): readonly FakeSocket[] {
  return Array.from({ length: connections }, () => {
    const socket = new FakeSocket()
    socket.onWrite = () => {
      answered += 1
    }
    socket.data = server.accept(asSocket(socket), info('outbound', ''))
    return socket
  })
}

/** The client's proxy reaches the server's over one connection of HTTP/2. */
function pair(): readonly FakeSocket[] {
  const near = new FakeSocket()
  const far = new FakeSocket()
  const cross = (from: FakeSocket, to: FakeSocket): void => {
    from.onWrite = (bytes, start, length) => {
      const copy = Buffer.from(bytes.subarray(start, start + length))
      setImmediate(() => to.receive(copy))
    }
  }
  cross(near, far)
  cross(far, near)
  far.data = serve(answeringCluster()).accept(asSocket(far), info('inbound', 'h2'))
  const cluster = new FakeCluster([1])
  cluster.config.protocol = 'http2'
  const keeper = { onCapacity: noop, onIdle: noop, onClosing: noop, onFault: noop, onGone: noop }
  const connection = new MultiplexedConnection(asSocket(near), keeper, {
    limits: {},
    hpack: {},
    now: () => timers.now(),
    maxRequests: 0,
    keepalive: undefined,
    settingsTimeoutMs: 30_000,
    output: { timers, flushTimeoutMs: 30_000, lingerMs: 1000 },
    random: () => 0,
  })
  const [endpoint] = cluster.endpoints
  if (endpoint !== undefined) Object.assign(endpoint, { takeShared: () => connection })
  return clients(serve(cluster))
}

function noop(): void {}

async function measure(name: string, sockets: readonly FakeSocket[]): Promise<void> {
  const run = async (rounds: number): Promise<void> => {
    for (let index = 0; index < rounds; index += 1) {
      const before = answered
      for (const socket of sockets) socket.receive(requestBytes)
      while (answered < before + sockets.length) await new Promise<void>((resolve) => void setImmediate(resolve))
    }
  }
  await run(10_000)
  const before = answered
  const start = process.cpuUsage()
  await run(20_000)
  const spent = process.cpuUsage(start)
  console.log(`${name}: ${((spent.user + spent.system) / (answered - before)).toFixed(2)} us per request`)
}

const only = process.argv[2]
if (only !== 'pair') await measure('http1', clients(serve(answeringCluster())))
if (only !== 'http1') await measure('pair', pair())
process.exit(0)
