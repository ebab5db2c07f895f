/**
 * Active health checks of real Envoy and of Weft: the same bootstrap, the same upstream that falls ill and recovers. After each check both must
 * route, or not route, alike; they must ask alike, count alike and show the same flags.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { JsonObject } from '@bufbuild/protobuf'

import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from '../http/proxies.ts'
import { type Answer, type CheckedUpstream, startCheckedUpstream } from './checked-upstream.ts'

const limitMs = 40_000
const type = 'type.googleapis.com/envoy.extensions'

interface HealthCase {
  readonly name: string
  /** Fields of the health check, and of its `http_health_check`. */
  readonly check?: JsonObject
  readonly http?: JsonObject
  /** Fields of the endpoint. */
  readonly endpoint?: JsonObject
  readonly answers: readonly Answer[]
}

const retriable = { retriable_statuses: [{ start: 500, end: 600 }] }

const cases: readonly HealthCase[] = [
  { name: 'passes', answers: ['200', '200', '200'] },
  { name: 'fails at first', answers: ['503', '200', '200', '200'] },
  { name: 'says that it is ill', answers: ['200', '503', '200', '503', '200', '200', '200'] },
  {
    name: 'says it once it may',
    http: retriable,
    answers: ['200', '503', '200', '503', '503', '503', '200', '200', '200'],
  },
  { name: 'closes', answers: ['200', 'close', 'close', 'close', '200', 'close', '200', '200', '200'] },
  {
    name: 'closes fresh connections',
    check: { reuse_connection: false },
    answers: ['200', 'close', 'close', '200', 'close', 'close', 'close', '200', '200'],
  },
  { name: 'is silent', check: { timeout: '0.2s' }, answers: ['200', 'silence', 'silence', 'silence', '200', '200'] },
  {
    name: 'is expected to be otherwise',
    http: {
      expected_statuses: [
        { start: 204, end: 205 },
        { start: 400, end: 500 },
      ],
    },
    answers: ['204', '429', '200', '204', '429', '500'],
  },
  { name: 'wants no more', answers: ['200', 'immediate', '200', '200', '200'] },
  { name: 'is degraded', answers: ['degraded', 'degraded', '200', 'degraded', '503', 'degraded', 'degraded'] },
  { name: 'poisons its traffic', answers: ['200', 'poison', '200', '200', '200'] },
  {
    name: 'recovers by thresholds of one',
    check: { unhealthy_threshold: 1, healthy_threshold: 1 },
    answers: ['close', '200', 'close', '200'],
  },
  {
    name: 'is asked in its own way',
    http: {
      host: 'named.test',
      path: '/check?deep=1',
      method: 'POST',
      service_name_matcher: { exact: 'reviews' },
      request_headers_to_add: [{ header: { key: 'X-Probe', value: 'a' } }, { header: { key: 'x-probe', value: 'b' } }],
      request_headers_to_remove: ['user-agent'],
      receive: [{ text: '616c6c' }, { text: '77656c6c' }],
    },
    answers: ['200', '200'],
  },
  { name: 'has another service', http: { service_name_matcher: { exact: 'ratings' } }, answers: ['200', '200'] },
  { name: 'has another body', http: { receive: [{ text: '77656c6c' }, { text: '616c6c' }] }, answers: ['200', '200'] },
  {
    name: 'has a host name for checks',
    endpoint: { health_check_config: { hostname: 'own.test' } },
    answers: ['200', '200'],
  },
]

function socket(port: number, address = '127.0.0.1'): JsonObject {
  return { socket_address: { address, port_value: port } }
}

function cluster({ name, check, http, endpoint }: HealthCase, port: number): JsonObject {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    // Envoy puts off what follows an update within a second; then its workers would know less than `/clusters`.
    common_lb_config: { healthy_panic_threshold: { value: 0 }, update_merge_window: '0s' },
    health_checks: [
      {
        timeout: '10s',
        interval: '0.1s',
        no_traffic_interval: '0.1s',
        unhealthy_threshold: 3,
        healthy_threshold: 2,
        http_health_check: { path: '/check', ...http },
        ...check,
      },
    ],
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port), ...endpoint } }] }],
    },
  }
}

function listener({ name }: HealthCase): JsonObject {
  const manager: JsonObject = {
    '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    codec_type: 'HTTP1',
    stat_prefix: 'health',
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

interface Rig {
  readonly proxy: RunningProxy
  readonly admin: AdminAddress
  readonly upstreams: readonly CheckedUpstream[]
}

async function start(run: typeof startEnvoy): Promise<Rig> {
  const upstreams = await Promise.all(cases.map(({ answers }) => startCheckedUpstream(answers[0] ?? '200')))
  let admin: AdminAddress = { host: '', port: 0 }
  const bootstrap = (given: AdminAddress): JsonObject => {
    admin = given
    return {
      node: { id: 'health', cluster: 'health' },
      admin: { address: socket(given.port, given.host) },
      static_resources: {
        clusters: cases.map((test, index) => cluster(test, upstreams[index]?.port ?? 0)),
        listeners: cases.map(listener),
      },
    }
  }
  const proxy = await run(bootstrap, cases.length)
  return { proxy, admin, upstreams }
}

/** What a client and an operator see of a case, check by check. */
interface Course {
  /** Status of a client's request after each check. */
  readonly statuses: readonly number[]
  readonly flags: readonly string[]
  readonly checks: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

const counted = ['attempt', 'success', 'failure', 'passive_failure', 'network_failure', 'verify_cluster', 'healthy']

async function follow({ proxy, admin, upstreams }: Rig, index: number): Promise<Course> {
  const [test, upstream] = [cases[index], upstreams[index]]
  if (test === undefined || upstream === undefined) throw new Error('no such case')
  const url = `http://127.0.0.1:${proxy.port(test.name)}`
  const read = async (path: string): Promise<readonly string[]> =>
    (await (await fetch(`http://${admin.host}:${admin.port}${path}`)).text()).split('\n')
  const statuses: number[] = []
  const flags: string[] = []
  for (let count = 1; count <= test.answers.length; count += 1) {
    // The next check is here: the result of the one before was dealt with.
    await upstream.checked(count + 1)
    statuses.push((await fetch(url)).status)
    const line = (await read('/clusters')).find(
      (text) => text.startsWith(`${test.name}::127.`) && text.includes('health_flags'),
    )
    flags.push(line?.split('::health_flags::')[1] ?? '')
    const next = test.answers[count]
    if (next === 'poison') await (await fetch(`${url}/poison`)).text()
    if (next !== undefined) upstream.answer(next)
  }
  const samples = await read('/stats/prometheus')
  const counts = Object.fromEntries(
    counted.map((name) => {
      const start = `envoy_cluster_health_check_${name}{envoy_cluster_name="${test.name}"}`
      return [name, Number(samples.find((line) => line.startsWith(start))?.split('} ')[1] ?? 0)]
    }),
  )
  return { statuses, flags, checks: upstream.checks.slice(), counts }
}

describe.skipIf(envoyBinary === null)('health checks of Envoy and of Weft', () => {
  let envoy: Rig
  let weft: Rig
  beforeAll(async () => {
    ;[envoy, weft] = await Promise.all([start(startEnvoy), start(startWeft)])
  }, limitMs)
  afterAll(async () => {
    for (const rig of [envoy, weft]) {
      for (const upstream of rig.upstreams) upstream[Symbol.dispose]()
      await rig.proxy[Symbol.asyncDispose]()
    }
  }, limitMs)

  test.concurrent.each(cases.map(({ name }, index) => [name, index] as const))(
    'an upstream that %s is routed to alike',
    async (_, index) => {
      const [expected, actual] = await Promise.all([follow(envoy, index), follow(weft, index)])
      expect(actual).toEqual(expected)
      // The case tells something: the client was served at some time, or the case is of one that never is.
      expect(expected.statuses.every((status) => status === 200 || status === 503)).toBe(true)
    },
    limitMs,
  )
})
