/** A data plane in this process that serves HTTP/2 on a real port, with limits that a test can wait for. */
import { createServer, connect, type AddressInfo, type Server } from 'node:net'

import { defaultHttp2Config, type ClusterConfig, type HttpManagerConfig } from '../../src/proxy/config/index.ts'
import { createDataPlane } from '../../src/proxy/create-data-plane.ts'
import {
  testChain,
  testCluster,
  testEndpoint,
  testHttpManager,
  testListener,
} from '../../src/proxy/data-plane-configs.fixture.ts'
import { defaultLimits, type ProxyLimits } from '../../src/proxy/limits.ts'
import type { RouteTable } from '../../src/proxy/route/index.ts'
import { createTelemetry } from '../../src/telemetry/index.ts'
import { FramePeer, type RawField } from '../harness/frame-peer.ts'

/** A GET of `/` at `app.test`, or another method and path. */
export function request(method = 'GET', path = '/', more: readonly RawField[] = []): RawField[] {
  return [[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'app.test'], ...more]
}

/** What a test asks for. */
export interface PlaneOptions {
  readonly limits?: Partial<ProxyLimits>
  readonly manager?: Partial<HttpManagerConfig>
  readonly cluster?: Partial<ClusterConfig>
  /** Port of the upstream, which speaks HTTP/2. */
  readonly upstream: number
}

/** A running data plane. */
export interface TestPlane extends AsyncDisposable {
  readonly port: number
  /** The value of a metric, of all its series together. */
  readonly value: (name: string) => number
  readonly drain: () => Promise<void>
}

/** Starts a data plane with one listener and one cluster. */
export async function startPlane({ limits, manager, cluster, upstream }: PlaneOptions): Promise<TestPlane> {
  const telemetry = createTelemetry()
  const plane = createDataPlane({
    node: { id: 'n', name: 'n', namespace: 'd', workload: 'w', clusterId: 'c', labels: {} },
    telemetry,
    limits: { ...defaultLimits, ...limits },
  })
  const table: RouteTable = {
    name: 'r',
    onDemand: false,
    decide: () => ({
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
    }),
  }
  plane.putRouteTable(table)
  plane.putCluster(
    testCluster('up', {
      protocol: 'http2',
      http2: defaultHttp2Config,
      endpoints: [testEndpoint(upstream)],
      ...cluster,
    }),
  )
  const served = testHttpManager({ codec: 'http2', ...manager })
  const bound = await plane.putListener(testListener('l', [testChain(served)]))
  if (!bound.ok) throw new Error(bound.error.message)
  const value = (name: string): number => {
    const lines = telemetry
      .expose()
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }
  return {
    port: bound.value.port,
    value,
    drain: async () => plane.drain(5000),
    [Symbol.asyncDispose]: async () => plane[Symbol.asyncDispose](),
  }
}

/** An upstream of raw HTTP/2; each connection is a peer that `accept` sees before its SETTINGS are sent. */
export interface RawUpstream extends Disposable {
  readonly port: number
  readonly peers: readonly FramePeer[]
}

/** Starts one. */
export async function startUpstream(accept: (peer: FramePeer) => void): Promise<RawUpstream> {
  const peers: FramePeer[] = []
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new FramePeer(socket, true)
    peers.push(peer)
    accept(peer)
    peer.start()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    peers,
    [Symbol.dispose]: () => {
      server.close()
      for (const { socket } of peers) socket.destroy()
    },
  }
}

/** An upstream that answers each request with this body. */
export function startAnswering(body: string | Buffer = 'ok'): Promise<RawUpstream> {
  return startUpstream((peer) => {
    peer.keepBodies = false
    peer.onStream = ({ id }, whole) => {
      if (!whole) return
      peer.headers(id, [[':status', '200']])
      peer.data(id, body, { end: true })
    }
  })
}

/** Connects a client that has not said anything yet. */
export function connectPeer(port: number): FramePeer {
  return new FramePeer(connect({ host: '127.0.0.1', port, allowHalfOpen: true }), false)
}
