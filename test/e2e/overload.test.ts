/** A proxy process under real pressure: too many connections, memory that fills, an event loop that comes late. */
import { afterEach, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { JsonObject } from '@bufbuild/protobuf'

import { type AdminAddress, type RunningProxy, startWeft } from '../differential/http/proxies.ts'
import { waitUntil } from '../harness/wait-until.ts'

const type = 'type.googleapis.com'
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Started {
  readonly proxy: RunningProxy
  readonly ask: () => Promise<Response>
  readonly admin: (path: string) => Promise<string>
  readonly connect: () => Socket
}

function monitor(name: string, config: JsonObject): JsonObject {
  return { name, typed_config: config }
}

function action(name: string, trigger: string, value: number): JsonObject {
  return { name: `envoy.overload_actions.${name}`, triggers: [{ name: trigger, threshold: { value } }] }
}

async function start(monitors: readonly JsonObject[], actions: readonly JsonObject[]): Promise<Started> {
  const silent = createServer({ pauseOnConnect: true }, () => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => silent.close())
  const socket = (port: number, address = '127.0.0.1'): JsonObject => ({
    socket_address: { address, port_value: port },
  })
  const manager: JsonObject = {
    '@type': `${type}/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: {
      name: 'r',
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [
            { match: { path: '/direct' }, direct_response: { status: 200, body: { inline_string: 'hi' } } },
            { match: { prefix: '/' }, route: { cluster: 'silent' } },
          ],
        },
      ],
    },
    http_filters: [
      { name: 'router', typed_config: { '@type': `${type}/envoy.extensions.filters.http.router.v3.Router` } },
    ],
  }
  const endpoint = { endpoint: { address: socket((silent.address() as AddressInfo).port) } }
  let address: AdminAddress = { host: '', port: 0 }
  const proxy = await startWeft((admin) => {
    address = admin
    return {
      node: { id: 'overload', cluster: 'overload' },
      admin: { address: socket(admin.port, admin.host) },
      overload_manager: { refresh_interval: '0.05s', resource_monitors: [...monitors], actions: [...actions] },
      static_resources: {
        listeners: [
          { name: 'l', address: socket(0), filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }] },
        ],
        clusters: [
          {
            name: 'silent',
            type: 'STATIC',
            circuit_breakers: {
              thresholds: [{ max_connections: 1, max_pending_requests: 10_000, max_requests: 10_000 }],
            },
            load_assignment: { cluster_name: 'silent', endpoints: [{ lb_endpoints: [endpoint] }] },
          },
        ],
      },
    }
  }, 1)
  cleanups.push(() => proxy[Symbol.asyncDispose]())
  return {
    proxy,
    ask: () => fetch(`http://127.0.0.1:${proxy.port('l')}/direct`, { keepalive: false }),
    admin: async (path) => {
      const response = await fetch(`http://${address.host}:${address.port}${path}`, {
        signal: AbortSignal.timeout(1000),
      })
      return response.text()
    },
    connect: () => {
      const client = connect({ host: '127.0.0.1', port: proxy.port('l') })
      client.on('error', () => undefined)
      cleanups.push(() => client.destroy())
      return client
    },
  }
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

test('connections: those beyond the limit are closed, those within live on, and the admin interface answers', async () => {
  const {
    ask,
    admin,
    connect: open,
  } = await start(
    [
      monitor('envoy.resource_monitors.global_downstream_max_connections', {
        '@type': `${type}/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig`,
        max_active_downstream_connections: '20',
      }),
    ],
    [],
  )
  const clients = Array.from({ length: 30 }, open)
  let closed = 0
  for (const client of clients) client.on('close', () => (closed += 1)).resume()
  await waitUntil('ten are closed', () => closed === 10)
  await waitUntil('the pressure', async () => {
    return (await admin('/stats?filter=global_downstream_max_connections.pressure')).endsWith('.pressure: 100\n')
  })
  expect(await admin('/stats?filter=global_cx_overflow')).toContain('listener.l.downstream_global_cx_overflow: 10\n')
  for (const client of clients) client.destroy()
  await waitUntil('room again', async () => (await ask().catch(() => undefined))?.status === 200)
}, 15_000)

test('memory: requests are shed when it is full, and the admin interface answers', async () => {
  const heap = 'envoy.resource_monitors.fixed_heap'
  const config = (bytes: number): JsonObject[] => [
    monitor(heap, {
      '@type': `${type}/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig`,
      max_heap_size_bytes: String(bytes),
    }),
  ]
  const probe = await start(config(2 ** 40), [])
  await probe.ask()
  const idle = residentBytes(probe.proxy.pid)
  await probe.proxy[Symbol.asyncDispose]()
  const {
    ask,
    admin,
    connect: open,
  } = await start(config(idle + 24 * 1024 * 1024), [
    action('shrink_heap', heap, 0.95),
    action('stop_accepting_requests', heap, 1),
  ])
  expect((await ask()).status).toBe(200)
  // Bodies that are held for a retry, of requests that wait for a connection.
  const body = Buffer.alloc(60_000, 'x')
  for (let count = 0; count < 1000; count += 1) {
    const client = open()
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length + 1}\r\n\r\n`)
    client.write(body)
  }
  await waitUntil('memory is full', async () => (await ask().catch(() => undefined))?.status === 503)
  expect(await admin('/stats?filter=stop_accepting_requests.active')).toContain('.active: 1\n')
  expect(await admin('/ready')).toBe('LIVE\n')
  const shrunk = await admin('/stats?filter=shrink_count')
  expect(shrunk).toMatch(/shrink_count: [1-9]/)
}, 20_000)

test('event loop: requests are shed while it stands late, and served when it is in time again', async () => {
  const delay = 'weft.resource_monitors.event_loop_delay'
  const { proxy, ask, admin } = await start(
    [
      monitor(delay, {
        '@type': `${type}/weft.resource_monitors.event_loop_delay.v3.EventLoopDelayConfig`,
        max_delay: '0.1s',
      }),
    ],
    [action('stop_accepting_requests', delay, 1)],
  )
  expect((await ask()).status).toBe(200)
  // The scheduler takes the processor away again and again, as on a machine that is short of it.
  const state = { starved: true }
  const starve = (async () => {
    while (state.starved) {
      process.kill(proxy.pid, 'SIGSTOP')
      await Bun.sleep(220)
      process.kill(proxy.pid, 'SIGCONT')
      await Bun.sleep(8)
    }
  })()
  try {
    await waitUntil('requests are shed', async () => (await ask().catch(() => undefined))?.status === 503)
  } finally {
    state.starved = false
    await starve
  }
  expect(await admin('/stats?filter=rq_overload_close')).toMatch(/downstream_rq_overload_close: [1-9]/)
  await waitUntil('requests are served', async () => (await ask()).status === 200)
}, 20_000)
