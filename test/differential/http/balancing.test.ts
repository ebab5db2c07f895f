/** Shares of endpoints through real Envoy and through Weft, each against what the configuration promises. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { JsonObject } from '@bufbuild/protobuf'
import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from './proxies.ts'

const limitMs = 60_000
const type = 'type.googleapis.com/envoy.extensions'
const policies = 'envoy.extensions.load_balancing_policies'
const upstreamCount = 8
const requests = 1200

/** Endpoints `from` (in) to `to` (out) of one locality and priority. */
interface Place {
  readonly from: number
  readonly to: number
  /** Of them, these have another health than healthy. */
  readonly health?: Readonly<Record<number, string>>
  readonly priority?: number
  readonly zone?: string
  readonly weight?: number
  readonly hostWeights?: readonly number[]
  readonly labels?: Readonly<Record<number, JsonObject>>
}

interface Balancing {
  readonly name: string
  readonly places: readonly Place[]
  readonly cluster?: JsonObject
  readonly policy?: JsonObject
  readonly route?: JsonObject
  /** Share of each endpoint; `none` is 503. */
  readonly shares: Readonly<Record<string, number>>
}

const sick = (...indices: number[]): Readonly<Record<number, string>> =>
  Object.fromEntries(indices.map((index) => [index, 'UNHEALTHY']))
const stages: Readonly<Record<number, JsonObject>> = {
  0: { stage: 'prod', version: '1' },
  1: { stage: 'prod', version: '2' },
  2: { stage: 'dev', version: '1' },
}
const subsets = (fields: JsonObject): JsonObject => ({
  lb_subset_config: { subset_selectors: [{ keys: ['stage', 'version'] }, { keys: ['stage'] }], ...fields },
})
const wants = (fields: JsonObject): JsonObject => ({ metadata_match: { filter_metadata: { 'envoy.lb': fields } } })
const typed = (name: string, fields: JsonObject = {}): JsonObject => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name,
          typed_config: { '@type': `type.googleapis.com/${policies}.${name}`, ...fields },
        },
      },
    ],
  },
})
const panicOff: JsonObject = { common_lb_config: { healthy_panic_threshold: { value: 0 } } }
const weighted: JsonObject = { common_lb_config: { locality_weighted_lb_config: {} } }
const zoneAware: JsonObject = { common_lb_config: { zone_aware_lb_config: { min_cluster_size: 2 } } }

const balancings: readonly Balancing[] = [
  {
    name: 'failover at half health',
    places: [
      { from: 0, to: 4, health: sick(2, 3) },
      { from: 4, to: 6, priority: 1 },
    ],
    shares: { 0: 0.35, 1: 0.35, 4: 0.15, 5: 0.15 },
  },
  {
    name: 'failover with an overprovisioning factor of 100',
    places: [
      { from: 0, to: 4, health: sick(2, 3) },
      { from: 4, to: 6, priority: 1 },
    ],
    policy: { overprovisioning_factor: 100 },
    shares: { 0: 0.25, 1: 0.25, 4: 0.25, 5: 0.25 },
  },
  {
    name: 'failover over three priorities',
    places: [
      { from: 0, to: 4, health: sick(1, 2, 3) },
      { from: 4, to: 6, health: sick(4, 5), priority: 1 },
      { from: 6, to: 8, priority: 2 },
    ],
    shares: { 0: 0.35, 6: 0.325, 7: 0.325 },
  },
  {
    name: 'nobody healthy in front',
    places: [
      { from: 0, to: 3, health: sick(0, 1, 2) },
      { from: 3, to: 5, priority: 1 },
    ],
    shares: { 3: 0.5, 4: 0.5 },
  },
  {
    name: 'panic',
    places: [{ from: 0, to: 5, health: sick(1, 2, 3, 4) }],
    shares: { 0: 0.2, 1: 0.2, 2: 0.2, 3: 0.2, 4: 0.2 },
  },
  {
    name: 'panic in all priorities',
    places: [
      { from: 0, to: 6, health: sick(1, 2, 3, 4, 5) },
      { from: 6, to: 8, health: sick(6, 7), priority: 1 },
    ],
    shares: Object.fromEntries(Array.from({ length: 8 }, (_, index) => [index, 1 / 8])),
  },
  {
    name: 'panic switched off',
    places: [{ from: 0, to: 5, health: sick(1, 2, 3, 4) }],
    cluster: panicOff,
    shares: { 0: 1 },
  },
  {
    name: 'nobody and panic switched off',
    places: [{ from: 0, to: 2, health: sick(0, 1) }],
    cluster: panicOff,
    shares: { none: 1 },
  },
  {
    name: 'draining and timed out',
    places: [{ from: 0, to: 5, health: { 3: 'DRAINING', 4: 'TIMEOUT' } }],
    shares: { 0: 1 / 3, 1: 1 / 3, 2: 1 / 3 },
  },
  {
    name: 'panic with draining',
    places: [{ from: 0, to: 4, health: { 1: 'DRAINING', 2: 'TIMEOUT', 3: 'UNHEALTHY' } }],
    shares: { 0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25 },
  },
  {
    name: 'degraded',
    places: [{ from: 0, to: 3, health: { 1: 'DEGRADED', 2: 'DEGRADED' } }],
    shares: { 0: 0.46, 1: 0.27, 2: 0.27 },
  },
  {
    name: 'locality weights',
    places: [
      { from: 0, to: 2, zone: 'a', weight: 3 },
      { from: 2, to: 4, zone: 'b', weight: 1 },
    ],
    cluster: weighted,
    shares: { 0: 0.375, 1: 0.375, 2: 0.125, 3: 0.125 },
  },
  {
    name: 'locality weights and health',
    places: [
      { from: 0, to: 4, zone: 'a', weight: 1, health: sick(2, 3) },
      { from: 4, to: 6, zone: 'b', weight: 1 },
    ],
    cluster: weighted,
    shares: { 0: 0.35 / 1.7, 1: 0.35 / 1.7, 4: 0.5 / 1.7, 5: 0.5 / 1.7 },
  },
  {
    name: 'a locality without a weight',
    places: [
      { from: 0, to: 2, zone: 'a', weight: 1 },
      { from: 2, to: 4, zone: 'b' },
    ],
    cluster: weighted,
    shares: { 0: 0.5, 1: 0.5 },
  },
  {
    name: 'typed locality weights',
    places: [
      { from: 0, to: 1, zone: 'a', weight: 4 },
      { from: 1, to: 3, zone: 'b', weight: 1 },
    ],
    cluster: typed('round_robin.v3.RoundRobin', { locality_lb_config: { locality_weighted_lb_config: {} } }),
    shares: { 0: 0.8, 1: 0.1, 2: 0.1 },
  },
  {
    name: 'typed least request by weight',
    places: [{ from: 0, to: 2, hostWeights: [3, 1] }],
    cluster: typed('least_request.v3.LeastRequest', { active_request_bias: { default_value: 0, runtime_key: 'b' } }),
    shares: { 0: 0.75, 1: 0.25 },
  },
  {
    name: 'weighted priority health',
    places: [
      { from: 0, to: 2, hostWeights: [9, 1], health: sick(1) },
      { from: 2, to: 3, priority: 1 },
    ],
    policy: { weighted_priority_health: true },
    shares: { 0: 1 },
  },
  {
    name: 'zone with room',
    places: [
      { from: 0, to: 2, zone: 'a' },
      { from: 2, to: 4, zone: 'b' },
    ],
    cluster: zoneAware,
    shares: { 0: 0.5, 1: 0.5 },
  },
  {
    name: 'zone without room',
    places: [
      { from: 0, to: 1, zone: 'a' },
      { from: 1, to: 4, zone: 'b' },
    ],
    cluster: zoneAware,
    shares: { 0: 0.5, 1: 1 / 6, 2: 1 / 6, 3: 1 / 6 },
  },
  {
    name: 'zone-aware by default, cluster too small',
    places: [
      { from: 0, to: 1, zone: 'a' },
      { from: 1, to: 4, zone: 'b' },
    ],
    shares: { 0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25 },
  },
  {
    name: 'zone-aware by default',
    places: [
      { from: 0, to: 4, zone: 'a' },
      { from: 4, to: 8, zone: 'b' },
    ],
    shares: { 0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25 },
  },
  {
    name: 'subset of two keys',
    places: [{ from: 0, to: 4, labels: stages }],
    cluster: subsets({}),
    route: wants({ version: '1', stage: 'prod' }),
    shares: { 0: 1 },
  },
  {
    name: 'subset of one key',
    places: [{ from: 0, to: 4, labels: stages }],
    cluster: subsets({}),
    route: wants({ stage: 'prod' }),
    shares: { 0: 0.5, 1: 0.5 },
  },
  {
    name: 'no such subset',
    places: [{ from: 0, to: 4, labels: stages }],
    cluster: subsets({}),
    route: wants({ stage: 'test' }),
    shares: { none: 1 },
  },
  {
    name: 'no subset wanted, no fallback',
    places: [{ from: 0, to: 4, labels: stages }],
    cluster: subsets({}),
    shares: { none: 1 },
  },
  {
    name: 'no such subset, any endpoint',
    places: [{ from: 0, to: 4, labels: stages }],
    cluster: subsets({ fallback_policy: 'ANY_ENDPOINT' }),
    route: wants({ stage: 'test' }),
    shares: { 0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25 },
  },
  {
    name: 'no such subset, default subset',
    places: [{ from: 0, to: 4, labels: stages }],
    cluster: subsets({ fallback_policy: 'DEFAULT_SUBSET', default_subset: { version: '1' } }),
    route: wants({ other: 'test' }),
    shares: { 0: 0.5, 2: 0.5 },
  },
  {
    name: 'subset by fallback keys',
    places: [{ from: 0, to: 4, labels: stages }],
    cluster: {
      lb_subset_config: {
        subset_selectors: [
          { keys: ['stage', 'version'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['stage'] },
          { keys: ['stage'] },
        ],
      },
    },
    route: wants({ stage: 'dev', version: '9' }),
    shares: { 2: 1 },
  },
  {
    name: 'subset whose hosts are sick',
    places: [{ from: 0, to: 4, labels: stages, health: sick(2) }],
    cluster: { ...subsets({ fallback_policy: 'ANY_ENDPOINT' }), ...panicOff },
    route: wants({ stage: 'dev' }),
    shares: { none: 1 },
  },
  {
    name: 'panic within a subset',
    places: [{ from: 0, to: 4, labels: stages, health: sick(2) }],
    cluster: subsets({}),
    route: wants({ stage: 'dev' }),
    shares: { 2: 1 },
  },
  {
    name: 'subsets of weighted clusters',
    places: [{ from: 0, to: 4, labels: stages }],
    cluster: subsets({}),
    route: {
      ...wants({ stage: 'prod' }),
      weighted_clusters: {
        clusters: [
          { name: 'subsets of weighted clusters', weight: 3, ...wants({ version: '1' }) },
          { name: 'subsets of weighted clusters', weight: 1, ...wants({ version: '2' }) },
        ],
      },
    },
    shares: { 0: 0.75, 1: 0.25 },
  },
]

const hashPolicy: JsonObject = { hash_policy: [{ header: { header_name: 'x-user' } }] }

/** Consistent hashing: here each key is compared, not only shares. */
const hashings: readonly Balancing[] = ['RING_HASH', 'MAGLEV'].flatMap((policy): readonly Balancing[] => [
  {
    name: `${policy} with failover`,
    places: [
      { from: 0, to: 4, health: sick(2, 3) },
      { from: 4, to: 6, priority: 1 },
    ],
    cluster: { lb_policy: policy },
    route: hashPolicy,
    shares: {},
  },
  {
    name: `${policy} with degraded hosts`,
    places: [{ from: 0, to: 6, health: { 3: 'DEGRADED', 4: 'DEGRADED', 5: 'DEGRADED' } }],
    cluster: { lb_policy: policy },
    route: hashPolicy,
    shares: {},
  },
  {
    name: `${policy} with overlapping subsets`,
    places: [{ from: 0, to: 6, labels: { ...stages, 3: { stage: 'prod' }, 4: { stage: 'prod' } } }],
    cluster: { lb_policy: policy, ...subsets({}) },
    route: { ...hashPolicy, ...wants({ stage: 'prod' }) },
    shares: {},
  },
  {
    name: `${policy} in panic`,
    places: [{ from: 0, to: 5, health: sick(1, 2, 3) }],
    cluster: { lb_policy: policy },
    route: hashPolicy,
    shares: {},
  },
  {
    name: `${policy} by locality`,
    places: [
      { from: 0, to: 2, zone: 'a', weight: 3, hostWeights: [1, 2] },
      { from: 2, to: 5, zone: 'b', weight: 2 },
      { from: 5, to: 6, zone: 'c' },
    ],
    cluster: { lb_policy: policy, ...weighted },
    route: hashPolicy,
    shares: {},
  },
])

const all = [...balancings, ...hashings]

function socket(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}

function group(place: Place, ports: readonly number[]): JsonObject {
  const { from, to, health = {}, priority = 0, zone, weight, hostWeights = [], labels = {} } = place
  const endpoints = ports.slice(from, to).map((port, index): JsonObject => {
    const fields = labels[from + index]
    return {
      endpoint: { address: socket(port) },
      health_status: health[from + index] ?? 'UNKNOWN',
      load_balancing_weight: hostWeights[index] ?? 1,
      ...(fields === undefined ? {} : { metadata: { filter_metadata: { 'envoy.lb': fields } } }),
    }
  })
  return {
    priority,
    lb_endpoints: endpoints,
    ...(zone === undefined ? {} : { locality: { zone } }),
    ...(weight === undefined ? {} : { load_balancing_weight: weight }),
  }
}

function clusterOf({ name, places, cluster = {}, policy }: Balancing, ports: readonly number[]): JsonObject {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: {
      cluster_name: name,
      endpoints: places.map((place) => group(place, ports)),
      ...(policy === undefined ? {} : { policy }),
    },
    ...cluster,
  }
}

function listener({ name, route = {} }: Balancing): JsonObject {
  const action: JsonObject = Object.hasOwn(route, 'weighted_clusters') ? route : { cluster: name, ...route }
  const manager: JsonObject = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    codec_type: 'HTTP1',
    stat_prefix: 'balancing',
    route_config: {
      name,
      virtual_hosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, route: action }] }],
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

/** TCP: three connections of four to version 1, the others to version 2. */
function tcpListener(): JsonObject {
  const target = (version: string, weight: number): JsonObject => ({
    name: 'subset of two keys',
    weight,
    ...wants({ version }),
  })
  const proxy: JsonObject = {
    '@type': `${type}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'tcp',
    ...wants({ stage: 'prod' }),
    weighted_clusters: { clusters: [target('1', 3), target('2', 1)] },
  }
  return {
    name: 'tcp',
    address: socket(0),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: proxy }] }],
  }
}

function bootstrap(admin: AdminAddress, ports: readonly number[]): JsonObject {
  // Four callers, two of them here.
  const callers: Balancing = {
    name: 'callers',
    places: [
      { from: 0, to: 2, zone: 'a' },
      { from: 2, to: 4, zone: 'b' },
    ],
    shares: {},
  }
  return {
    node: { id: 'balancing', cluster: 'balancing', locality: { zone: 'a' } },
    admin: { address: { socket_address: { address: admin.host, port_value: admin.port } } },
    cluster_manager: { local_cluster_name: 'callers' },
    static_resources: {
      clusters: [callers, ...all].map((balancing) => clusterOf(balancing, ports)),
      listeners: [...all.map(listener), tcpListener()],
    },
  }
}

describe.skipIf(envoyBinary === null)('balancing', () => {
  let upstreams: readonly Bun.Server<undefined>[] = []
  let ports: readonly number[] = []
  let envoy: RunningProxy
  let weft: RunningProxy

  beforeAll(async () => {
    upstreams = Array.from({ length: upstreamCount }, () =>
      Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (_, server) => new Response(String(server.port)) }),
    )
    ports = upstreams.map((upstream) => upstream.port ?? 0)
    ;[envoy, weft] = await Promise.all([
      startEnvoy((admin) => bootstrap(admin, ports), all.length + 1),
      startWeft((admin) => bootstrap(admin, ports), all.length + 1),
    ])
  }, limitMs)

  afterAll(async () => {
    await Promise.all([envoy?.[Symbol.asyncDispose](), weft?.[Symbol.asyncDispose]()])
    await Promise.all(upstreams.map((upstream) => upstream.stop(true)))
  })

  /** Which endpoint answers, by its index; `none` when nobody does. */
  async function ask(proxy: RunningProxy, name: string, user = ''): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${proxy.port(name)}/`, { headers: { 'x-user': user } })
    const text = await response.text()
    return response.status === 200 ? String(ports.indexOf(Number(text))) : 'none'
  }

  /** The same on a connection of its own, for listeners that do not know HTTP. */
  async function askOnce(proxy: RunningProxy, name: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${proxy.port(name)}/`, { headers: { connection: 'close' } })
    return String(ports.indexOf(Number(await response.text())))
  }

  async function sharesOf(proxy: RunningProxy, name: string): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {}
    let left = requests
    const client = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        const index = await ask(proxy, name)
        counts[index] = (counts[index] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: 8 }, client))
    return Object.fromEntries(Object.entries(counts).map(([index, count]) => [index, count / requests]))
  }

  test.each(balancings.map((balancing) => [balancing.name, balancing] as const))(
    'shares are as promised: %s',
    async (name, { shares }) => {
      for (const found of await Promise.all([sharesOf(envoy, name), sharesOf(weft, name)])) {
        expect(Object.keys(found).toSorted()).toEqual(Object.keys(shares).toSorted())
        for (const [index, share] of Object.entries(shares)) {
          // Six standard deviations of that many independent draws: chance alone goes past it once in 500 million.
          const tolerance = 6 * Math.sqrt((share * (1 - share)) / requests) + 1 / requests
          expect(Math.abs((found[index] ?? 0) - share)).toBeLessThanOrEqual(tolerance)
        }
      }
    },
    limitMs,
  )

  test('TCP connections go to the subsets of their clusters', async () => {
    for (const proxy of [envoy, weft]) {
      const hosts: string[] = []
      for (let turn = 0; turn < 300; turn += 1) hosts.push(await askOnce(proxy, 'tcp'))
      expect([...new Set(hosts)].toSorted()).toEqual(['0', '1'])
      const share = hosts.filter((host) => host === '0').length / hosts.length
      // Six standard deviations.
      expect(Math.abs(share - 0.75)).toBeLessThan(0.15)
    }
  })

  test.each(hashings.map(({ name }) => name))(
    'each key goes to the host that Envoy chooses: %s',
    async (name) => {
      const users = Array.from({ length: 150 }, (_, index) => `user-${index * 7919}`)
      const [one, other] = await Promise.all(
        [envoy, weft].map(async (proxy) => {
          const hosts: string[] = []
          for (const user of users) hosts.push(await ask(proxy, name, user))
          return hosts
        }),
      )
      expect(other).toEqual(one ?? [])
      expect(new Set(one).size).toBeGreaterThan(2)
    },
    limitMs,
  )
})
