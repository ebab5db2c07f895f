/**
 * Active health checks of real Envoy and of Weft: the same bootstrap, the same upstream that falls ill and recovers. After each check both must
 * route, or not route, alike; they must ask alike, count alike and show the same flags.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { JsonObject } from '@bufbuild/protobuf'

import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from '../http/proxies.ts'
import type { Answer, CheckedUpstream } from './check-gate.ts'
import { startGrpcUpstream, startTcpUpstream } from './checked-services.ts'
import { startCheckedUpstream } from './checked-upstream.ts'

const limitMs = 40_000
const type = 'type.googleapis.com/envoy.extensions'

interface HealthCase {
  readonly name: string
  /** How it is checked; by HTTP/1.1 when absent. With `http2` and `grpc` its requests come in HTTP/2 as well. */
  readonly kind?: 'http2' | 'tcp' | 'grpc'
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
  {
    name: 'is silent',
    check: { timeout: '1.5s', unhealthy_threshold: 2 },
    answers: ['200', 'silence', 'silence', '200', '200'],
  },
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
  {
    name: 'speaks HTTP/2',
    kind: 'http2',
    answers: ['200', '503', '200', 'degraded', '200', 'immediate', '200', '200'],
  },
  {
    name: 'loses its HTTP/2 connections',
    kind: 'http2',
    answers: ['200', 'close', 'close', 'close', '200', '200', '200'],
  },
  {
    name: 'says that it is ill in gRPC',
    kind: 'grpc',
    check: {
      grpc_health_check: {
        service_name: 'reviews',
        authority: 'named.test',
        initial_metadata: [{ header: { key: 'X-A', value: 'b' } }],
      },
    },
    answers: ['200', '503', '200', '200', '500', '200', '200'],
  },
  { name: 'says PONG', kind: 'tcp', answers: ['200', '200', 'close', 'close', 'close', '200', '200', '200'] },
  {
    name: 'says something else',
    kind: 'tcp',
    check: { timeout: '1.5s', unhealthy_threshold: 2 },
    answers: ['200', '503', '503', '200', '200'],
  },
]

const tcpCheck: JsonObject = { send: { text: '50494e47' }, receive: [{ text: '504f' }, { text: '4e47' }] }
const http2Options: JsonObject = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': `${type}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: {} },
  },
}

/** What is asked, unless the case says more. */
function checkerOf({ kind, http }: HealthCase): JsonObject {
  if (kind === 'tcp') return { tcp_health_check: tcpCheck }
  if (kind === 'grpc') return {}
  return {
    http_health_check: {
      path: '/check',
      ...(kind === 'http2' ? { codec_client_type: 'HTTP2', host: 'named.test' } : {}),
      ...http,
    },
  }
}

function startUpstream({ kind, answers }: HealthCase): CheckedUpstream | Promise<CheckedUpstream> {
  const first = answers[0] ?? '200'
  if (kind === 'tcp') return startTcpUpstream(first)
  return kind === 'grpc' ? startGrpcUpstream(first) : startCheckedUpstream(first, kind === 'http2')
}

function socket(port: number, address = '127.0.0.1'): JsonObject {
  return { socket_address: { address, port_value: port } }
}

function cluster(test: HealthCase, port: number): JsonObject {
  const { name, kind, check, endpoint } = test
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
        ...checkerOf(test),
        ...check,
      },
    ],
    ...(kind === 'http2' || kind === 'grpc' ? { typed_extension_protocol_options: http2Options } : {}),
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
  const upstreams = await Promise.all(cases.map(startUpstream))
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
  /** Status of a client's request after each check; the first has been answered alike for a while. */
  readonly statuses: readonly number[]
  readonly flags: readonly string[]
  readonly checks: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

const counted = ['attempt', 'success', 'failure', 'passive_failure', 'network_failure', 'verify_cluster', 'healthy']

async function follow({ proxy, admin, upstreams }: Rig, number: number): Promise<Course> {
  const [test, upstream] = [cases[number], upstreams[number]]
  if (test === undefined || upstream === undefined) throw new Error('no such case')
  const url = `http://127.0.0.1:${proxy.port(test.name)}`
  const read = async (path: string): Promise<readonly string[]> =>
    (await (await fetch(`http://${admin.host}:${admin.port}${path}`)).text()).split('\n')
  const statuses: number[] = []
  const flags: string[] = []
  upstream.hold()
  await upstream.checked(1)
  const before = await readCounts(read, test.name)
  for (const [index, next] of [...test.answers.slice(1), undefined].entries()) {
    // A check is here: the result of the one before was dealt with.
    await upstream.checked(index + 1)
    statuses.push((await fetch(url)).status)
    const line = (await read('/clusters')).find(
      (text) => text.startsWith(`${test.name}::127.`) && text.includes('health_flags'),
    )
    flags.push(line?.split('::health_flags::')[1] ?? '')
    if (next === 'poison') await (await fetch(`${url}/poison`)).text()
    if (next !== undefined) upstream.answer(next)
  }
  const after = await readCounts(read, test.name)
  const counts = Object.fromEntries(counted.map((name) => [name, (after.get(name) ?? 0) - (before.get(name) ?? 0)]))
  return { statuses, flags, checks: upstream.checks.slice(), counts }
}

async function readCounts(
  read: (path: string) => Promise<readonly string[]>,
  cluster: string,
): Promise<ReadonlyMap<string, number>> {
  const samples = await read('/stats/prometheus')
  return new Map(
    counted.map((name) => {
      const start = `envoy_cluster_health_check_${name}{envoy_cluster_name="${cluster}"}`
      return [name, Number(samples.find((line) => line.startsWith(start))?.split('} ')[1] ?? 0)]
    }),
  )
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
      // It was followed to its end.
      expect(expected.checks).toHaveLength(cases[index]?.answers.length ?? 0)
    },
    limitMs,
  )
})
