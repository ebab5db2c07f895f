import { afterEach, describe, expect, test } from 'bun:test'
import { decode, encode } from 'dns-packet'
import { startStrictLoad } from '../../test/harness/strict-load.ts'
import { freePort } from '../../test/harness/free-port.ts'
import { ok } from '../base/index.ts'
import { openSocketSyscalls, type SocketSource } from '../net/index.ts'
import { connectTestClient, createRecordingOwner, until } from '../net/sockets.fixture.ts'
import { createTelemetry } from '../telemetry/index.ts'
import type { FilterChain, ListenerConfig, ServerTlsConfig } from './config/index.ts'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import { testChain, testCluster, testEndpoint, testHttpManager, testListener } from './data-plane-configs.fixture.ts'
import type { ForwardDecision, RouteTable } from './route/index.ts'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const decision: ForwardDecision = {
  kind: 'forward',
  route: { name: 'all', virtualHost: 'v', origin: undefined },
  cluster: 'up',
  pathRewrite: undefined,
  hostRewrite: undefined,
  requestEdits: undefined,
  responseEdits: undefined,
  timeoutMs: 0,
  idleTimeoutMs: undefined,
  retry: undefined,
  fault: undefined,
}

/** A data plane with one cluster, whose upstream answers `ok`. */
function plane(drainTimeMs = 60_000, sockets?: SocketSource): DataPlane {
  const upstream = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('ok') })
  const made = createDataPlane({
    node: { id: 'n', name: 'n', namespace: 'default', workload: 'n', clusterId: 'weft', labels: {} },
    telemetry: createTelemetry(),
    drainTimeMs,
    sockets,
  })
  const table: RouteTable = { name: 'r', onDemand: false, decide: () => decision }
  made.putRouteTable(table)
  made.putCluster(testCluster('up', { endpoints: [testEndpoint(upstream.port ?? 0)] }))
  cleanups.push(
    () => upstream.stop(true),
    async () => made[Symbol.asyncDispose](),
  )
  return made
}

async function put(target: DataPlane, config: ListenerConfig): Promise<number> {
  const bound = await target.putListener(config)
  if (!bound.ok) throw new Error(bound.error.message)
  return bound.value.port
}

function httpListener(overrides: Partial<ListenerConfig> = {}, chain: Partial<FilterChain> = {}): ListenerConfig {
  return testListener('l', [testChain(testHttpManager(), chain)], overrides)
}

/** Takes the sockets of another data plane of this process, as a successor does. */
function socketsOf(target: () => DataPlane): SocketSource {
  const system = openSocketSyscalls()
  return {
    take: (name) => {
      if (name.protocol === 'udp') target().yieldPort(name)
      const found = target().listeningSocket(name)
      return ok(
        found === undefined || system === undefined
          ? undefined
          : { ...found, descriptor: system.duplicate(found.descriptor) },
      )
    },
    release: () => undefined,
  }
}

describe('a listener under load', () => {
  test('keeps its socket and its connections when its filter chains change', async () => {
    const target = plane()
    const port = await put(target, httpListener())
    const kept = startStrictLoad({ port, keepAlive: 3, fresh: 0 })
    const load = startStrictLoad({ port, keepAlive: 0, fresh: 2 })
    for (let change = 0; change < 10; change += 1) {
      const chains = [testChain(testHttpManager({ serverName: `s${change}`, maxHeadersCount: 90 + change }))]
      expect(await put(target, testListener('l', chains))).toBe(port)
      const asked = load.requests()
      await until(() => load.requests() > asked + 20, 'requests')
    }
    expect((await load.stop()).failures).toEqual([])
    expect(await kept.stop()).toMatchObject({ failures: [], connections: 3 })
    expect(target.describe().listeners).toHaveLength(1)
  })

  test('lets the connections of a chain that left end with their next response, and serves new ones by the new chain', async () => {
    const target = plane()
    const port = await put(target, httpListener({}, { name: 'old' }))
    const load = startStrictLoad({ port, keepAlive: 3, fresh: 1 })
    await until(() => load.requests() > 20, 'requests')
    await put(target, httpListener({}, { name: 'new' }))
    const asked = load.requests()
    await until(() => load.requests() > asked + 50, 'requests by the new chain')
    expect((await load.stop()).failures).toEqual([])
  })

  test('opens a new address before it closes the old one, whose connections drain', async () => {
    const target = plane()
    const [first, second] = [await freePort(), await freePort()]
    await put(target, httpListener({ port: first }))
    const idle = createRecordingOwner()
    const client = await connectTestClient(first, idle)
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => idle.text().endsWith('ok'), 'the first answer')
    expect(await put(target, httpListener({ port: second }))).toBe(second)
    // The connection to the old address is not cut: its next response says that it ends.
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => /connection: close/i.test(idle.text()), 'the last answer')
    const load = startStrictLoad({ port: second, keepAlive: 1, fresh: 1 })
    await until(() => load.requests() > 20, 'requests to the new address')
    expect((await load.stop()).failures).toEqual([])
    expect(connectTestClient(first, createRecordingOwner())).rejects.toThrow()
  })

  test('drains when it is removed: an idle connection gets its next answer, then it is closed', async () => {
    const target = plane()
    const port = await put(target, httpListener())
    const idle = createRecordingOwner()
    const client = await connectTestClient(port, idle)
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => idle.text().endsWith('ok'), 'the first answer')
    target.removeListener('l', 60_000)
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await until(() => /connection: close/i.test(idle.text()), 'the last answer')
    expect(idle.text().match(/200 OK/g)).toHaveLength(2)
  })
})

test('putListener() drains connections whose chain now demands something else of TLS clients', async () => {
  const target = plane()
  const inline = { kind: 'inline', value: { certificateChain: '', privateKey: '' } } as const
  const tls: ServerTlsConfig = {
    certificate: inline,
    validation: undefined,
    subjectAltNames: [],
    requireClientCertificate: true,
    alpn: [],
    minVersion: 'TLSv1.2',
  }
  const port = await put(target, httpListener())
  const owner = createRecordingOwner()
  const client = await connectTestClient(port, owner)
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => owner.text().endsWith('ok'), 'the first answer')
  await put(target, httpListener({}, { tls }))
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => /connection: close/i.test(owner.text()), 'the last answer')
})

describe('a data plane that takes over', () => {
  test('accepts from the same socket, also when it was bound to port 0', async () => {
    const first = plane()
    const second = plane(
      60_000,
      socketsOf(() => first),
    )
    const port = await put(first, httpListener())
    expect(await put(second, httpListener())).toBe(port)
    const load = startStrictLoad({ port, keepAlive: 2, fresh: 2 })
    await until(() => load.requests() > 20, 'requests')
    void first.drain(60_000, 30_000)
    const asked = load.requests()
    await until(() => load.requests() > asked + 50, 'requests to the second')
    expect((await load.stop()).failures).toEqual([])
    expect(first.listeningSocket({ protocol: 'tcp', name: 'l', address: '127.0.0.1', port: 0 })).toBeUndefined()
  })

  test('gets a UDP port that the first yields, which takes it back when the second ends', async () => {
    const first = plane()
    const second = plane(
      60_000,
      socketsOf(() => first),
    )
    const port = await freePort()
    const listener = (address: string): ListenerConfig =>
      testListener('dns', [], {
        protocol: 'udp',
        port,
        dns: { names: new Map([['reviews', [address]]]), ttlSeconds: 5, resolvers: [] },
      })
    const answers: string[] = []
    const socket = await Bun.udpSocket({
      hostname: '127.0.0.1',
      socket: {
        data: (_, bytes) => {
          for (const record of decode(bytes).answers ?? []) if (record.type === 'A') answers.push(record.data)
        },
      },
    })
    cleanups.push(() => socket.close())
    const ask = () => {
      socket.send(encode({ type: 'query', id: 1, questions: [{ name: 'reviews', type: 'A' }] }), port, '127.0.0.1')
      return answers.at(-1)
    }
    await put(first, listener('240.0.0.1'))
    await until(() => ask() === '240.0.0.1', 'the answer of the first')
    await put(second, listener('240.0.0.2'))
    await until(() => ask() === '240.0.0.2', 'the answer of the second')
    second.removeListener('dns', 0)
    first.reclaimPorts()
    await until(() => ask() === '240.0.0.1', 'the answer of the first again')
  })
})
