/** Each action of the overload manager on real sockets, with a pressure that the test sets. */
import { afterEach, describe, expect, test } from 'bun:test'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { until } from '../net/sockets.fixture.ts'
import { createTelemetry } from '../telemetry/index.ts'
import type { FilterChain, HttpManagerConfig, OverloadActionConfig, OverloadConfig } from './config/index.ts'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import { testChain, testHttpManager, testListener } from './data-plane-configs.fixture.ts'
import { defaultLimits, type ProxyLimits } from './limits.ts'
import type { RouteTable } from './route/index.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const table: RouteTable = {
  name: 'r',
  onDemand: false,
  decide: () => ({
    kind: 'respond',
    route: { name: 'all', virtualHost: 'v', origin: undefined },
    status: 200,
    body: Buffer.from('hello'),
    responseEdits: undefined,
  }),
}

interface SetUp {
  readonly actions?: readonly OverloadActionConfig['name'][]
  readonly timers?: OverloadActionConfig['timers']
  readonly manager?: Partial<HttpManagerConfig>
  readonly chain?: Partial<FilterChain>
  readonly overload?: Partial<OverloadConfig>
  readonly limits?: Partial<ProxyLimits>
}

/** A data plane that answers 200; each action is taken at a pressure of 0.9. */
async function serve({ actions = [], timers = [], manager = {}, chain = {}, overload = {}, limits = {} }: SetUp) {
  const source = { pressure: 0, resident: 0 }
  const telemetry = createTelemetry()
  const trigger = { monitor: 'm', kind: 'threshold', scalesAbove: 0.9, saturatedAt: 0.9 } as const
  const plane: DataPlane = createDataPlane({
    node: { id: 'n', name: 'n', namespace: 'd', workload: 'w', clusterId: 'c', labels: {} },
    telemetry,
    limits: { ...defaultLimits, ...limits },
    overload: {
      refreshMs: 5,
      monitors: [{ name: 'm', kind: 'injected', filename: 'pressure' }],
      maxDownstreamConnections: undefined,
      actions: actions.map((name) => ({ name, triggers: [trigger], timers: name === 'reduce_timeouts' ? timers : [] })),
      ...overload,
    },
    resourceReaders: { residentBytes: () => source.resident, readText: () => String(source.pressure) },
  })
  cleanups.push(async () => plane[Symbol.asyncDispose]())
  plane.putRouteTable(table)
  const bound = await plane.putListener(testListener('l', [testChain(testHttpManager(manager), chain)]))
  if (!bound.ok) throw new Error(bound.error.message)
  const value = (name: string): number => {
    const line = telemetry
      .expose()
      .split('\n')
      .find((text) => text.startsWith(name))
    return Number(line?.split(' ').at(-1) ?? 0)
  }
  const press = async (pressure: number): Promise<void> => {
    source.pressure = pressure
    await until(() => value('envoy_overload_m_pressure') === pressure * 100, 'the pressure to be read')
  }
  return { port: bound.value.port, plane, press, value, source }
}

/** A client that keeps its side open whatever the server does. */
class Client {
  text = ''
  ended = false
  closed = false
  readonly socket: Socket

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    this.socket.on('data', (bytes) => (this.text += bytes.toString('latin1')))
    this.socket.on('end', () => (this.ended = true))
    this.socket.on('close', () => (this.closed = true))
    this.socket.on('error', () => (this.closed = true))
    cleanups.push(() => void this.socket.destroy())
  }

  /** Sends a request and waits for the whole answer. */
  async ask(head = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'): Promise<string> {
    this.text = ''
    this.socket.write(head)
    await until(() => this.closed || /\r\n\r\n(?:hello|.*overloaded)$/s.test(this.text), 'the answer')
    return this.text
  }
}

describe('overload actions', () => {
  test('stop_accepting_requests answers 503 on a connection that lives on, and serves again afterwards', async () => {
    const { port, press, value } = await serve({ actions: ['stop_accepting_requests'] })
    const client = new Client(port)
    expect(await client.ask()).toStartWith('HTTP/1.1 200 OK')
    await press(0.95)
    const refused = await client.ask()
    expect(refused).toStartWith('HTTP/1.1 503 Service Unavailable')
    expect(refused).toEndWith('\r\n\r\nenvoy overloaded')
    expect(value('envoy_http_downstream_rq_overload_close')).toBe(1)
    await press(0.5)
    expect(await client.ask()).toStartWith('HTTP/1.1 200 OK')
  })

  test('disable_http_keepalive ends each connection with its response', async () => {
    const { port, press, value } = await serve({ actions: ['disable_http_keepalive'] })
    const client = new Client(port)
    expect(await client.ask()).not.toContain('connection: close')
    await press(0.9)
    expect(await client.ask()).toContain('connection: close')
    await until(() => client.ended, 'the end')
    expect(value('envoy_http_downstream_cx_overload_disable_keepalive')).toBe(1)
  })

  test('reject_incoming_connections closes new connections and leaves old ones alone', async () => {
    const { port, press, value } = await serve({ actions: ['reject_incoming_connections'] })
    const old = new Client(port)
    await old.ask()
    await press(1)
    const late = new Client(port)
    await until(() => late.closed || late.ended, 'the new one to be closed')
    expect(await old.ask()).toStartWith('HTTP/1.1 200 OK')
    expect(value('envoy_listener_downstream_cx_overload_reject')).toBe(1)
  })

  test('stop_accepting_connections leaves new connections in the backlog until it is over', async () => {
    const { port, press, plane } = await serve({ actions: ['stop_accepting_connections'] })
    const old = new Client(port)
    await old.ask()
    await press(1)
    const late = new Client(port)
    const answer = late.ask()
    // Another request through the same event loop: had the new connection been accepted, it would have been by now.
    expect(await old.ask()).toStartWith('HTTP/1.1 200 OK')
    expect(plane.describe().listeners[0]?.connections).toBe(1)
    expect(late.text).toBe('')
    await press(0)
    expect(await answer).toStartWith('HTTP/1.1 200 OK')
  })

  test('a listener that is added while connections are not accepted does not accept either', async () => {
    const { press, plane } = await serve({ actions: ['stop_accepting_connections'] })
    await press(1)
    const bound = await plane.putListener(testListener('late', [testChain(testHttpManager())]))
    const answer = new Client(bound.ok ? bound.value.port : 0).ask()
    await press(0)
    expect(await answer).toStartWith('HTTP/1.1 200 OK')
  })

  test('reduce_timeouts cuts idle times that run', async () => {
    const timers = [{ timer: 'connection-idle', kind: 'absolute', minMs: 20 }] as const
    const { port, press } = await serve({ actions: ['reduce_timeouts'], timers, manager: { idleTimeoutMs: 600_000 } })
    const client = new Client(port)
    await client.ask()
    await press(1)
    await until(() => client.ended, 'the idle connection to be closed')
  })

  test('shrink_heap gives memory back', async () => {
    const { press, value } = await serve({ actions: ['shrink_heap'] })
    await press(1)
    await until(() => value('envoy_overload_envoy_overload_actions_shrink_heap_shrink_count') === 1, 'the collection')
  })

  test('the connection limit closes what is beyond it', async () => {
    const { port, value } = await serve({ overload: { maxDownstreamConnections: 2 } })
    const clients = [new Client(port), new Client(port)]
    for (const client of clients) await client.ask()
    const third = new Client(port)
    await until(() => third.closed || third.ended, 'the third to be closed')
    expect(value('envoy_listener_downstream_global_cx_overflow')).toBe(1)
    expect(value('envoy_overload_envoy_resource_monitors_global_downstream_max_connections_pressure')).toBe(100)
  })
})

describe('over HTTP/2', () => {
  function open(port: number): ClientHttp2Session {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', () => undefined)
    cleanups.push(() => session.destroy())
    return session
  }

  function statusOf(session: ClientHttp2Session): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>()
    const stream = session.request({ ':path': '/' })
    stream.on('response', (headers) => resolve(Number(headers[':status'])))
    stream.on('error', () => resolve(0))
    stream.resume()
    return promise
  }

  test('stop_accepting_requests answers 503', async () => {
    const { port, press } = await serve({ actions: ['stop_accepting_requests'] })
    const session = open(port)
    expect(await statusOf(session)).toBe(200)
    await press(1)
    expect(await statusOf(session)).toBe(503)
  })

  test('disable_http_keepalive says GOAWAY and answers', async () => {
    const { port, press } = await serve({ actions: ['disable_http_keepalive'] })
    const session = open(port)
    expect(await statusOf(session)).toBe(200)
    await press(1)
    expect(await statusOf(session)).toBe(200)
    await until(() => session.closed, 'the connection to be closed')
  })

  test('max_connection_duration and reduced idle times close the connection', async () => {
    const lasting = await serve({ manager: { maxConnectionDurationMs: 50 } })
    const first = open(lasting.port)
    expect(await statusOf(first)).toBe(200)
    await until(() => first.closed, 'the end of its time')
    const timers = [{ timer: 'connection-idle', kind: 'absolute', minMs: 20 }] as const
    const idle = await serve({ actions: ['reduce_timeouts'], timers, manager: { idleTimeoutMs: 600_000 } })
    const second = open(idle.port)
    expect(await statusOf(second)).toBe(200)
    await idle.press(1)
    await until(() => second.closed, 'the idle connection to be closed')
  })
})

describe('limits of a connection', () => {
  test('connection_limit closes what its chain has too many of, and takes others when there is room', async () => {
    const connectionLimit = { statPrefix: 'edge', maxConnections: 1, delayMs: 0 }
    const { port, value } = await serve({ chain: { connectionLimit } })
    const first = new Client(port)
    await first.ask()
    const second = new Client(port)
    await until(() => second.closed || second.ended, 'the second to be closed')
    expect(value('envoy_connection_limit_limited_connections')).toBe(1)
    first.socket.destroy()
    await until(() => value('envoy_connection_limit_active_connections') === 0, 'the first to be gone')
    expect(await new Client(port).ask()).toStartWith('HTTP/1.1 200 OK')
  })

  test('max_connection_duration closes an idle connection, and a busy one with its response', async () => {
    const { port, value } = await serve({ manager: { maxConnectionDurationMs: 40 } })
    const client = new Client(port)
    await client.ask()
    await until(() => client.ended, 'the end')
    expect(value('envoy_http_downstream_cx_max_duration_reached')).toBe(1)
    const slow = new Client(port)
    slow.socket.write('GET / HTTP/1.1\r\n')
    await until(() => value('envoy_http_downstream_cx_max_duration_reached') === 2, 'the time to be over')
    expect(await slow.ask('Host: a\r\n\r\n')).toContain('connection: close')
  })

  test('a client that is silent, or never closes its side, keeps no connection', async () => {
    const { port, plane } = await serve({ manager: { requestHeadersTimeoutMs: 30 }, limits: { lingerMs: 30 } })
    const silent = new Client(port)
    await until(() => plane.describe().listeners[0]?.connections === 1, 'the connection')
    await until(() => silent.ended, 'the end')
    await until(() => plane.describe().listeners[0]?.connections === 0, 'the connection to be gone')
  })
})
