import { afterEach, describe, expect, test } from 'bun:test'
import { decode, encode } from 'dns-packet'
import {
  connectTestClient,
  createEchoOwner,
  createRecordingOwner,
  createTestServer,
  type TestServer,
  until,
} from '../net/sockets.fixture.ts'
import { anyConnection, type ListenerConfig } from './config/index.ts'
import { createDataPlane, type DataPlaneOptions } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import {
  createFakeTelemetry,
  type FakeTelemetry,
  testChain,
  testCluster,
  testEndpoint,
  testHttpManager,
  testListener,
  testTcpProxy,
} from './data-plane-configs.fixture.ts'
import type { HttpServer, HttpServerOptions } from './http/index.ts'

const accessLogs = [{ path: '/dev/null', format: '%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT%\n', json: undefined }]

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Plane {
  readonly plane: DataPlane
  readonly telemetry: FakeTelemetry
  readonly lines: string[]
}

/** A stand-in for the HTTP layer: answers each chunk with the server name of its configuration. */
function fakeHttpServer(options: HttpServerOptions): HttpServer {
  return {
    accept: () => createEchoOwner(`${options.manager().serverName}:`),
    connections: 0,
    activeRequests: 0,
    drain: () => Promise.resolve(),
  }
}

function plane(overrides: Partial<DataPlaneOptions> = {}): Plane {
  const telemetry = createFakeTelemetry()
  const lines: string[] = []
  const made = createDataPlane({
    node: {
      id: 'n1',
      name: 'page-1',
      namespace: 'default',
      workload: 'productpage-v1',
      clusterId: 'weft',
      labels: { app: 'productpage', version: 'v1' },
    },
    telemetry,
    createHttpServer: fakeHttpServer,
    accessLog: {
      write: (_path, line) => void lines.push(line.trim()),
      dropped: () => 0,
      reopen: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    ...overrides,
  })
  cleanups.push(async () => made[Symbol.asyncDispose]())
  return { plane: made, telemetry, lines }
}

function server(serve: Parameters<typeof createTestServer>[0] = () => createEchoOwner()): TestServer {
  const made = createTestServer(serve)
  cleanups.push(() => made[Symbol.dispose]())
  return made
}

async function listen(target: DataPlane, config: Parameters<DataPlane['putListener']>[0]): Promise<number> {
  const bound = await target.putListener(config)
  if (!bound.ok) throw new Error(`${bound.error.path}: ${bound.error.message}`)
  return bound.value.port
}

async function ask(port: number, text: string): Promise<string> {
  const owner = createRecordingOwner()
  const socket = await connectTestClient(port, owner)
  socket.write(text)
  await until(() => owner.text() !== '' || owner.closed, 'an answer')
  socket.end()
  return owner.text()
}

/** A plane with a TCP listener to one upstream. */
async function tcpPlane(
  upstreamPort: number,
  options: Partial<Parameters<typeof testTcpProxy>[1]> = {},
): Promise<Plane & { readonly port: number }> {
  const made = plane()
  made.plane.putCluster(
    testCluster('up', {
      endpoints: [
        testEndpoint(upstreamPort, {
          workload: {
            name: 'db-v1',
            namespace: 'data',
            canonicalService: 'db',
            canonicalRevision: 'v1',
            cluster: 'weft',
          },
        }),
      ],
      destination: { host: 'db.data.svc.cluster.local', name: 'db', namespace: 'data' },
    }),
  )
  const port = await listen(
    made.plane,
    testListener('tcp', [testChain(testTcpProxy('up', { accessLogs, ...options }))]),
  )
  return { ...made, port }
}

describe('TCP proxying', () => {
  test('bytes go both ways; both ends are reported when the connection ends', async () => {
    const { port, telemetry, lines, plane: target } = await tcpPlane(server(() => createEchoOwner('>')).port)
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write('hello')
    await until(() => owner.text() === '>hello', 'the echo')
    expect(target.describe().listeners[0]?.connections).toBe(1)
    expect(target.describe().clusters[0]?.endpoints[0]?.connections).toBe(1)
    socket.end()
    await until(() => telemetry.edges[0]?.closed === 1, 'the close to be counted')
    const [edge] = telemetry.edges
    expect(edge).toMatchObject({ opened: 1, closed: 1, sent: 6, received: 5, flags: 0 })
    expect(edge?.labels).toMatchObject({
      reporter: 'source',
      sourceWorkload: 'productpage-v1',
      sourceCanonicalService: 'productpage',
      destinationWorkload: 'db-v1',
      destinationService: 'db.data.svc.cluster.local',
      destinationServiceName: 'db',
      requestProtocol: 'tcp',
    })
    expect(lines).toEqual(['- 5 6'])
    await until(() => target.describe().listeners[0]?.connections === 0, 'the connection to be gone')
    expect(target.describe().clusters[0]?.endpoints[0]).toMatchObject({
      connections: 0,
      activeRequests: 0,
      totalRequests: 1,
    })
  })

  test('a half-closed client still gets its answer', async () => {
    const upstream = server(() => {
      const owner = createRecordingOwner({ keepOpen: true })
      return {
        ...owner,
        onData: owner.onData,
        onEnd: (socket) => {
          socket.write(`got ${owner.text()}`)
          socket.end()
        },
      }
    })
    const { port } = await tcpPlane(upstream.port)
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write('all of it')
    socket.shutdown()
    await until(() => owner.closed, 'the answer')
    expect(owner.text()).toBe('got all of it')
    expect(owner.error).toBeUndefined()
  })

  test('a reset of the upstream reaches the client', async () => {
    const upstream = server()
    const { port, lines } = await tcpPlane(upstream.port)
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write('x')
    await until(() => owner.text() === 'x', 'the echo')
    for (const accepted of upstream.sockets) accepted.terminate()
    await until(() => owner.closed, 'the reset')
    expect(owner.error).toBeDefined()
    await until(() => lines.length === 1, 'the log line')
    expect(lines).toEqual(['UC 1 1'])
  })

  test('a slow reader stops the sender, and every byte arrives in the end', async () => {
    const total = 24 * 1024 * 1024
    const chunk = Buffer.alloc(64 * 1024, 'a')
    let sent = 0
    const upstream = server((accepted) => {
      const push = (): void => {
        while (sent < total) {
          const taken = accepted.write(chunk, 0, Math.min(chunk.length, total - sent))
          sent += Math.max(0, taken)
          if (taken < chunk.length) break
        }
        if (sent >= total) accepted.end()
      }
      setImmediate(push)
      return { ...createRecordingOwner(), onDrain: push }
    })
    const { port } = await tcpPlane(upstream.port)
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.pause()
    let last = -1
    // Nobody reads: the sender must come to a stand before all is sent.
    await until(() => {
      const still = sent === last && sent > 0
      last = sent
      return still
    }, 'the sender to stop')
    expect(sent).toBeLessThan(total)
    socket.resume()
    await until(() => owner.closed, 'the end')
    expect(owner.received).toBe(total)
  })

  test.each([
    ['UF', 'refused', 1],
    ['UF,URX', 'refused', 3],
  ])('a connection that cannot be made ends with %s', async (flags, _reason, maxConnectAttempts) => {
    const gone = server()
    gone[Symbol.dispose]()
    const { port, lines, plane: target } = await tcpPlane(gone.port, { maxConnectAttempts })
    const owner = createRecordingOwner()
    await connectTestClient(port, owner)
    await until(() => owner.closed && lines.length === 1, 'the refusal')
    expect(lines).toEqual([`${flags} 0 0`])
    expect(target.describe().listeners[0]?.connections).toBe(0)
  })

  test('at the limit of connections one session waits its turn, and the next is refused with UO', async () => {
    const { plane: target, lines, telemetry } = plane()
    const limits = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 9, maxRetries: 1 }
    target.putCluster(testCluster('up', { endpoints: [testEndpoint(server().port)], limits }))
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('up', { accessLogs }))]))
    const owners = [createRecordingOwner(), createRecordingOwner(), createRecordingOwner()] as const
    const first = await connectTestClient(port, owners[0])
    first.write('a')
    await until(() => owners[0].text() === 'a', 'the first to be connected')
    const second = await connectTestClient(port, owners[1])
    second.write('b')
    const pending = (): number => telemetry.values.get('envoy_cluster_upstream_rq_pending_active')?.value ?? 0
    await until(() => pending() === 1, 'the second to wait')
    await connectTestClient(port, owners[2])
    await until(() => owners[2].closed, 'the third to be refused')
    expect(lines).toEqual(['UO 0 0'])
    expect(owners[1].text()).toBe('')
    first.end()
    await until(() => owners[1].text() === 'b', 'the second to have its turn')
    second.end()
    await until(() => lines.length === 3, 'the log lines')
    expect(lines.slice(1)).toEqual(['- 1 1', '- 1 1'])
    expect(pending()).toBe(0)
  })

  test('a session that is cut while it waits leaves the queue', async () => {
    const { plane: target, telemetry } = plane()
    const limits = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 9, maxRetries: 1 }
    target.putCluster(testCluster('up', { endpoints: [testEndpoint(server().port)], limits }))
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('up'))]))
    const owners = [createRecordingOwner(), createRecordingOwner()] as const
    const first = await connectTestClient(port, owners[0])
    first.write('a')
    await until(() => owners[0].text() === 'a', 'the first to be connected')
    await connectTestClient(port, owners[1])
    const pending = (): number => telemetry.values.get('envoy_cluster_upstream_rq_pending_active')?.value ?? 0
    await until(() => pending() === 1, 'the second to wait')
    target.removeListener('l', 1)
    await until(() => owners[1].closed, 'the cut')
    expect(pending()).toBe(0)
  })

  test.each([
    ['NC', undefined],
    ['UH', testCluster('missing')],
  ])('without an upstream the flag is %s', async (flags, cluster) => {
    const { plane: target, lines } = plane()
    if (cluster !== undefined) target.putCluster(cluster)
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('missing', { accessLogs }))]))
    const owner = createRecordingOwner()
    await connectTestClient(port, owner)
    await until(() => owner.closed && lines.length === 1, 'the refusal')
    expect(lines).toEqual([`${flags} 0 0`])
  })

  test('an idle connection is cut after the idle timeout', async () => {
    const { port } = await tcpPlane(server().port, { idleTimeoutMs: 30 })
    const owner = createRecordingOwner()
    await connectTestClient(port, owner)
    await until(() => owner.closed, 'the idle timeout')
  })

  test('weighted clusters share connections by weight', async () => {
    let draw = 0
    const { plane: target } = plane({ random: () => (draw = (draw + 0.1) % 1) })
    for (const name of ['a', 'b'])
      target.putCluster(testCluster(name, { endpoints: [testEndpoint(server(() => createEchoOwner(name)).port)] }))
    const clusters = [
      { name: 'a', weight: 90 },
      { name: 'b', weight: 10 },
    ]
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('a', { clusters }))]))
    const answers: string[] = []
    for (let turn = 0; turn < 20; turn += 1) answers.push(await ask(port, '!'))
    expect(answers.filter((answer) => answer === 'a!').length).toBeGreaterThan(15)
    expect(answers).toContain('b!')
  })
})

describe('listeners', () => {
  test('a replaced configuration drops no connection and counts for the next', async () => {
    const { plane: target } = plane()
    for (const name of ['old', 'new'])
      target.putCluster(
        testCluster(name, { endpoints: [testEndpoint(server(() => createEchoOwner(`${name}:`)).port)] }),
      )
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('old'))]))
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write('1')
    await until(() => owner.text() === 'old:1', 'the first echo')
    expect(await listen(target, testListener('l', [testChain(testTcpProxy('new'))]))).toBe(port)
    expect(await ask(port, '2')).toBe('new:2')
    socket.write('3')
    await until(() => owner.text() === 'old:1old:3', 'the old connection to go on')
    socket.end()
  })

  test('a failed bind leaves the old listener serving and names the address', async () => {
    const taken = server()
    const { plane: target } = plane()
    target.putCluster(testCluster('up', { endpoints: [testEndpoint(server().port)] }))
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('up'))]))
    const moved = await target.putListener(testListener('l', [testChain(testTcpProxy('up'))], { port: taken.port }))
    expect(moved.ok ? '' : moved.error.path).toBe('address.socket_address')
    expect(await ask(port, 'still here')).toBe('still here')
  })

  test('a listener that moves keeps the connections of its old address', async () => {
    const { plane: target } = plane()
    target.putCluster(testCluster('up', { endpoints: [testEndpoint(server().port)] }))
    const chains = [testChain(testTcpProxy('up'))]
    const first = await listen(target, testListener('l', chains))
    const owner = createRecordingOwner()
    const socket = await connectTestClient(first, owner)
    const second = await listen(target, testListener('l', chains, { address: '127.0.0.2' }))
    socket.write('a')
    await until(() => owner.text() === 'a', 'the old connection to go on')
    expect(await ask2('127.0.0.2', second, 'b')).toBe('b')
    expect(await outcomeOf(connectTestClient(first, createRecordingOwner()))).toBe('refused')
    socket.end()
  })

  test('a connection that no filter chain matches is closed with NR', async () => {
    const { plane: target, lines } = plane()
    const match = { ...anyConnection, destinationPort: 1 }
    const chains = [testChain(testTcpProxy('up'), { match })]
    const port = await listen(target, testListener('l', chains, { accessLogs }))
    const owner = createRecordingOwner()
    await connectTestClient(port, owner)
    await until(() => owner.closed && lines.length === 1, 'the close')
    expect(lines).toEqual(['NR 0 0'])
  })

  test('connections beyond the process limit are closed at once, and there is room again later', async () => {
    const { plane: target } = plane({ maxConnections: 2 })
    target.putCluster(testCluster('up', { endpoints: [testEndpoint(server().port)] }))
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('up'))]))
    const owners = [createRecordingOwner(), createRecordingOwner(), createRecordingOwner()]
    const sockets = []
    for (const owner of owners) sockets.push(await connectTestClient(port, owner))
    await until(() => owners.some(({ closed }) => closed), 'one to be refused')
    expect(owners.filter(({ closed }) => closed)).toHaveLength(1)
    for (const socket of sockets) socket.end()
    await until(() => target.describe().listeners[0]?.connections === 0, 'the others to end')
    expect(await ask(port, 'again')).toBe('again')
  })

  test('removeListener() stops accepting at once, lets a connection go on, and cuts it after the time', async () => {
    const { plane: target } = plane()
    target.putCluster(testCluster('up', { endpoints: [testEndpoint(server().port)] }))
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('up'))]))
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write('a')
    await until(() => owner.text() === 'a', 'the echo')
    target.removeListener('l', 300)
    expect(await outcomeOf(connectTestClient(port, createRecordingOwner()))).toBe('refused')
    socket.write('b')
    await until(() => owner.text() === 'ab', 'the echo while draining')
    await until(() => owner.closed, 'the cut')
  })

  test('drain() resolves when the last connection has ended', async () => {
    const { plane: target } = plane()
    target.putCluster(testCluster('up', { endpoints: [testEndpoint(server().port)] }))
    const port = await listen(target, testListener('l', [testChain(testTcpProxy('up'))]))
    const owner = createRecordingOwner()
    const socket = await connectTestClient(port, owner)
    socket.write('a')
    await until(() => owner.text() === 'a', 'the echo')
    let drained = false
    const draining = target.drain(60_000).then(() => (drained = true))
    expect(target.describe().state).toBe('draining')
    socket.write('b')
    await until(() => owner.text() === 'ab', 'the echo while draining')
    expect(drained).toBe(false)
    socket.end()
    await draining
  })

  test('a UDP listener answers DNS from its table, and from the new table after a change', async () => {
    const { plane: target } = plane()
    const dns = (address: string): ListenerConfig =>
      testListener('dns', [], {
        protocol: 'udp',
        dns: { names: new Map([['reviews', [address]]]), ttlSeconds: 5, resolvers: [] },
      })
    const port = await listen(target, dns('240.0.0.1'))
    const answers: string[] = []
    const socket = await Bun.udpSocket({
      hostname: '127.0.0.1',
      socket: {
        data: (_socket, bytes) => {
          for (const record of decode(bytes).answers ?? []) if (record.type === 'A') answers.push(record.data)
        },
      },
    })
    cleanups.push(() => socket.close())
    const question = encode({ type: 'query', id: 1, questions: [{ name: 'reviews', type: 'A' }] })
    socket.send(question, port, '127.0.0.1')
    await until(() => answers.length === 1, 'the first answer')
    expect(await listen(target, dns('240.0.0.2'))).toBe(port)
    socket.send(question, port, '127.0.0.1')
    await until(() => answers.length === 2, 'the second answer')
    expect(answers).toEqual(['240.0.0.1', '240.0.0.2'])
    const refused = await target.putListener(testListener('udp', [], { protocol: 'udp' }))
    expect(refused.ok ? '' : refused.error.path).toBe('listener_filters')
  })

  test('an HTTP chain is served by the HTTP layer, with the configuration of the moment', async () => {
    const { plane: target } = plane()
    const manager = (serverName: string) => testListener('h', [testChain(testHttpManager({ serverName }))])
    const port = await listen(target, manager('one'))
    expect(await ask(port, 'x')).toBe('one:x')
    await listen(target, manager('two'))
    expect(await ask(port, 'x')).toBe('two:x')
  })
})

async function ask2(host: string, port: number, text: string): Promise<string> {
  const owner = createRecordingOwner()
  const socket = await connectTestClient(port, owner, host)
  socket.write(text)
  await until(() => owner.text() !== '' || owner.closed, 'an answer')
  socket.end()
  return owner.text()
}

function outcomeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'connected',
    () => 'refused',
  )
}
