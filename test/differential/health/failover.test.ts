/**
 * Endpoints that fail their active checks, balanced by real Envoy and by Weft: failover to another priority, panic, degraded and excluded
 * endpoints. Each proxy is held to the shares that the configuration promises, and to those of the beginning once all are well again.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { JsonObject } from '@bufbuild/protobuf'
import { waitUntil } from '../../harness/wait-until.ts'
import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from '../http/proxies.ts'

const limitMs = 40_000
const type = 'type.googleapis.com/envoy.extensions'
const upstreamCount = 6
const requests = 600

/** What an endpoint answers when it is checked. */
type Condition = 'well' | 'ill' | 'degraded' | 'excluded'

interface Failover {
  readonly name: string
  /** Endpoints 0 up to the first number are of priority 0, from there up to the second of priority 1. */
  readonly priorities: readonly number[]
  /** Of endpoints that are not well. */
  readonly conditions: Readonly<Record<number, Condition>>
  /** What discovery says of endpoints; it says nothing of the others. */
  readonly discovery?: Readonly<Record<number, string>>
  /** Percent. */
  readonly panicThreshold?: number
  readonly panics?: boolean
  /** Share of each endpoint; `none` is 503. */
  readonly shares: Readonly<Record<string, number>>
  /** The same when all pass their checks. */
  readonly before: Readonly<Record<string, number>>
}

function evenly(...endpoints: readonly number[]): Readonly<Record<string, number>> {
  return Object.fromEntries(endpoints.map((index) => [index, 1 / endpoints.length]))
}

const failovers: readonly Failover[] = [
  {
    name: 'half of the first priority fails',
    priorities: [4, 6],
    conditions: { 2: 'ill', 3: 'ill' },
    shares: { 0: 0.35, 1: 0.35, 4: 0.15, 5: 0.15 },
    before: evenly(0, 1, 2, 3),
  },
  {
    name: 'all of the first priority fail',
    priorities: [3, 5],
    conditions: { 0: 'ill', 1: 'ill', 2: 'ill' },
    shares: evenly(3, 4),
    before: evenly(0, 1, 2),
  },
  {
    name: 'most of the only priority fail, panic',
    priorities: [5],
    conditions: { 1: 'ill', 2: 'ill', 3: 'ill', 4: 'ill' },
    panics: true,
    shares: evenly(0, 1, 2, 3, 4),
    before: evenly(0, 1, 2, 3, 4),
  },
  {
    name: 'most of both priorities fail, panic',
    priorities: [4, 6],
    conditions: { 1: 'ill', 2: 'ill', 3: 'ill', 4: 'ill', 5: 'ill' },
    panics: true,
    shares: evenly(0, 1, 2, 3, 4, 5),
    before: evenly(0, 1, 2, 3),
  },
  {
    name: 'more than the threshold pass, no panic',
    priorities: [5],
    conditions: { 1: 'ill', 2: 'ill', 3: 'ill' },
    panicThreshold: 40,
    shares: evenly(0, 4),
    before: evenly(0, 1, 2, 3, 4),
  },
  {
    name: 'all fail and panic is switched off',
    priorities: [2, 3],
    conditions: { 0: 'ill', 1: 'ill', 2: 'ill' },
    panicThreshold: 0,
    shares: { none: 1 },
    before: evenly(0, 1),
  },
  {
    name: 'degraded by checks and by discovery',
    priorities: [3],
    conditions: { 1: 'degraded' },
    discovery: { 2: 'DEGRADED' },
    shares: { 0: 0.46, 1: 0.27, 2: 0.27 },
    before: { 0: 0.465, 1: 0.465, 2: 0.07 },
  },
  {
    name: 'degraded, but the next priority is healthy',
    priorities: [4, 5],
    conditions: { 1: 'ill', 3: 'degraded' },
    discovery: { 2: 'UNHEALTHY' },
    shares: { 0: 0.35, 4: 0.65 },
    before: evenly(0, 1, 3),
  },
  {
    name: 'those that want no more do not count',
    priorities: [4, 6],
    conditions: { 2: 'excluded', 3: 'excluded' },
    shares: evenly(0, 1),
    before: evenly(0, 1, 2, 3),
  },
]

const checkFlags: Readonly<Record<Condition, string>> = {
  well: '',
  ill: '/failed_active_hc',
  degraded: '/degraded_active_hc',
  excluded: '/failed_active_hc/excluded_via_immediate_hc_fail',
}
const discoveryFlags: Readonly<Record<string, string>> = {
  DEGRADED: '/degraded_eds_health',
  UNHEALTHY: '/failed_eds_health',
}

function socket(port: number, address = '127.0.0.1'): JsonObject {
  return { socket_address: { address, port_value: port } }
}

function clusterOf(failover: Failover, ports: readonly number[]): JsonObject {
  const { name, priorities, discovery = {}, panicThreshold = 50 } = failover
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    common_lb_config: { healthy_panic_threshold: { value: panicThreshold }, update_merge_window: '0s' },
    health_checks: [
      {
        timeout: '10s',
        interval: '0.05s',
        no_traffic_interval: '0.05s',
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        http_health_check: { host: 'checked.test', path: `/check/${failovers.indexOf(failover)}` },
      },
    ],
    load_assignment: {
      cluster_name: name,
      endpoints: priorities.map((end, priority) => {
        const from = priorities[priority - 1] ?? 0
        return {
          priority,
          lb_endpoints: ports.slice(from, end).map((port, index) => ({
            endpoint: { address: socket(port) },
            health_status: discovery[from + index] ?? 'UNKNOWN',
          })),
        }
      }),
    },
  }
}

function listenerOf({ name }: Failover): JsonObject {
  const manager: JsonObject = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    codec_type: 'HTTP1',
    stat_prefix: 'failover',
    route_config: {
      name,
      virtual_hosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: name } }] }],
    },
    http_filters: [
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } },
    ],
  }
  return {
    name,
    address: socket(0),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  }
}

/** What each endpoint answers to the checks of each cluster, by number; well if it is not named. */
const conditions = failovers.map((): Record<number, Condition> => ({}))

function answerCheck(path: string, index: number): Response {
  const condition = conditions[Number(path.slice('/check/'.length))]?.[index] ?? 'well'
  const status = condition === 'ill' || condition === 'excluded' ? 503 : 200
  return new Response('', {
    status,
    headers: {
      ...(condition === 'degraded' ? { 'x-envoy-degraded': 'true' } : {}),
      ...(condition === 'excluded' ? { 'x-envoy-immediate-health-check-fail': 'true' } : {}),
    },
  })
}

function startUpstream(index: number): Bun.Server<undefined> {
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url }) => {
      const { pathname } = new URL(url)
      return pathname.startsWith('/check/') ? answerCheck(pathname, index) : new Response(String(index))
    },
  })
}

interface Rig {
  readonly proxy: RunningProxy
  readonly admin: AdminAddress
}

async function start(run: typeof startEnvoy, ports: readonly number[]): Promise<Rig> {
  let admin: AdminAddress = { host: '', port: 0 }
  const proxy = await run((given) => {
    admin = given
    return {
      node: { id: 'failover', cluster: 'failover' },
      admin: { address: socket(given.port, given.host) },
      static_resources: {
        clusters: failovers.map((failover) => clusterOf(failover, ports)),
        listeners: failovers.map(listenerOf),
      },
    }
  }, failovers.length)
  return { proxy, admin }
}

async function read({ admin }: Rig, path: string): Promise<readonly string[]> {
  return (await (await fetch(`http://${admin.host}:${admin.port}${path}`)).text()).split('\n')
}

/** Requests of the cluster that were sent without regard to health. */
async function panicsOf(rig: Rig, name: string): Promise<number> {
  const start = `envoy_cluster_lb_healthy_panic{envoy_cluster_name="${name}"}`
  const line = (await read(rig, '/stats/prometheus')).find((text) => text.startsWith(start))
  return Number(line?.split('} ')[1] ?? 0)
}

async function sharesOf({ proxy }: Rig, name: string): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  let left = requests
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      const response = await fetch(`http://127.0.0.1:${proxy.port(name)}/`)
      const text = await response.text()
      const index = response.status === 200 ? text : 'none'
      counts[index] = (counts[index] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: 8 }, client))
  return Object.fromEntries(Object.entries(counts).map(([index, count]) => [index, count / requests]))
}

function expectShares(found: Readonly<Record<string, number>>, promised: Readonly<Record<string, number>>): void {
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(promised).toSorted())
  for (const [index, share] of Object.entries(promised)) {
    // Six standard deviations of that many independent draws.
    const tolerance = 6 * Math.sqrt((share * (1 - share)) / requests) + 1 / requests
    expect(Math.abs((found[index] ?? 0) - share)).toBeLessThanOrEqual(tolerance)
  }
}

describe.skipIf(envoyBinary === null)('balancing by active checks of Envoy and of Weft', () => {
  let upstreams: readonly Bun.Server<undefined>[] = []
  let ports: readonly number[] = []
  let rigs: readonly Rig[] = []

  beforeAll(async () => {
    upstreams = Array.from({ length: upstreamCount }, (_, index) => startUpstream(index))
    ports = upstreams.map(({ port }) => port ?? 0)
    // A proxy whose fellow does not start must be stopped as well: it would go on to check ports that others use next.
    const started = await Promise.allSettled([start(startEnvoy, ports), start(startWeft, ports)])
    rigs = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const failed = started.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }, limitMs)

  afterAll(async () => {
    await Promise.all(rigs.map(({ proxy }) => proxy[Symbol.asyncDispose]()))
    await Promise.all(upstreams.map((upstream) => upstream.stop(true)))
  }, limitMs)

  /** Sets what checks are answered, and waits until the proxy shows it. */
  async function become(rig: Rig, failover: Failover, wanted: Readonly<Record<number, Condition>>): Promise<void> {
    const { name, priorities, discovery = {} } = failover
    const expected = ports.slice(0, priorities.at(-1)).map((port, index) => {
      const [byChecks, byDiscovery] = [checkFlags[wanted[index] ?? 'well'], discoveryFlags[discovery[index] ?? '']]
      const flags = byDiscovery === undefined ? byChecks : `${byDiscovery}${byChecks}`
      return `${name}::127.0.0.1:${port}::health_flags::${flags === '' ? 'healthy' : flags}`
    })
    await waitUntil(`${name} is ${JSON.stringify(wanted)}`, async () => {
      const lines = new Set(await read(rig, '/clusters'))
      return expected.every((line) => lines.has(line))
    })
  }

  test.concurrent.each(failovers.map((failover) => [failover.name, failover] as const))(
    'shares are as promised: %s',
    async (name, failover) => {
      const answers = conditions[failovers.indexOf(failover)]
      if (answers === undefined) throw new Error('no such case')
      for (const rig of rigs) expectShares(await sharesOf(rig, name), failover.before)
      Object.assign(answers, failover.conditions)
      for (const rig of rigs) {
        await become(rig, failover, failover.conditions)
        const panics = await panicsOf(rig, name)
        expectShares(await sharesOf(rig, name), failover.shares)
        expect((await panicsOf(rig, name)) - panics).toBe(failover.panics === true ? requests : 0)
      }
      for (const index of Object.keys(answers)) answers[Number(index)] = 'well'
      for (const rig of rigs) {
        await become(rig, failover, {})
        expectShares(await sharesOf(rig, name), failover.before)
      }
    },
    limitMs,
  )
})
