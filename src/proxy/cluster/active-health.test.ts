/** Active checks of a cluster: real sockets, short intervals, conditions that are waited for. */
import { afterEach, describe, expect, test } from 'bun:test'
import { createTestAuthority } from '../../net/certificates.fixture.ts'
import { createRecordingOwner, createTestServer, until } from '../../net/sockets.fixture.ts'
import {
  createFakeTelemetry,
  createTestClusterServices,
  testCluster,
  testEndpoint,
  testHealthCheck,
  testHttpProbe,
  testOutlierConfig,
} from '../data-plane-configs.fixture.ts'
import type { ClientTlsConfig } from '../config/index.ts'
import { type ClusterServices, type ClusterSet, createClusterSet, type EndpointRuntime } from './index.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0).toReversed()) stop()
})

const quick = {
  timeoutMs: 2000,
  intervalMs: 5,
  noTrafficIntervalMs: 5,
  noTrafficHealthyIntervalMs: 5,
  unhealthyIntervalMs: 5,
  unhealthyEdgeIntervalMs: 5,
  healthyEdgeIntervalMs: 5,
}
const healthCheck = testHealthCheck({ ...quick, probe: testHttpProbe() })

/** An application whose health the test sets; `hold`: it does not answer checks. */
function application(status = 200) {
  const state = { status, checks: 0, hold: undefined as Promise<void> | undefined }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async () => {
      state.checks += 1
      await state.hold
      return new Response('', { status: state.status })
    },
  })
  stops.push(() => void server.stop(true))
  return { state, port: server.port ?? 0 }
}

function world(overrides: Partial<ClusterServices> = {}) {
  const telemetry = createFakeTelemetry()
  const warmed: number[] = []
  const services = createTestClusterServices({ telemetry, onClusterWarm: () => void warmed.push(1), ...overrides })
  const set: ClusterSet = createClusterSet(services)
  stops.push(() => set.close())
  const picked = (): readonly number[] => {
    const ports = Array.from({ length: 12 }, () => set.get('c')?.pick(undefined, '')?.config.port)
    return [...new Set(ports.filter((port) => port !== undefined))].toSorted((one, other) => one - other)
  }
  const gauge = (name: string) => telemetry.values.get(`envoy_cluster_${name}`)?.value
  const healths = () => set.describe()[0]?.endpoints.map(({ health }) => health) ?? []
  const warm = (): Promise<void> => until(() => set.warming().length === 0, 'the first round of checks')
  const endpoint = (): EndpointRuntime => {
    const found = set.get('c')?.pick(undefined, '')
    if (found === undefined) throw new Error('no endpoint')
    return found
  }
  return { set, services, picked, gauge, healths, warm, warmed, endpoint }
}

describe('a cluster with active checks', () => {
  test('takes requests only when each of its endpoints was checked once', async () => {
    const { set, picked, gauge, healths, warm, warmed } = world()
    const slow = application()
    const [well, ill] = [application(), application(503)]
    const { promise, resolve } = Promise.withResolvers<void>()
    slow.state.hold = promise
    const endpoints = [testEndpoint(well.port), testEndpoint(ill.port), testEndpoint(slow.port)]
    set.put(testCluster('c', { endpoints, healthCheck }))
    await until(() => well.state.checks > 2 && ill.state.checks > 2 && slow.state.checks > 0, 'checks')
    expect([set.get('c'), set.warming(), warmed.length]).toEqual([undefined, ['c'], 0])
    resolve()
    await warm()
    expect(warmed).toHaveLength(1)
    expect(picked()).toEqual([well.port, slow.port].toSorted((one, other) => one - other))
    expect(healths()).toEqual(['healthy', '/failed_active_hc', 'healthy'])
    expect([gauge('membership_total'), gauge('membership_healthy'), gauge('health_check_healthy')]).toEqual([3, 2, 2])
    expect(gauge('health_check_attempt')).toBeGreaterThanOrEqual(7)
  })

  test('follows its endpoints when they fall ill and when they recover', async () => {
    const { set, picked, healths, warm, gauge } = world()
    const [one, other] = [application(), application()]
    set.put(testCluster('c', { endpoints: [testEndpoint(one.port), testEndpoint(other.port)], healthCheck }))
    await warm()
    one.state.status = 503
    await until(() => healths()[0] === '/failed_active_hc', 'the failure')
    expect(picked()).toEqual([other.port])
    other.state.status = 503
    await until(() => picked().length === 0, 'the second failure')
    expect(gauge('membership_healthy')).toBe(0)
    one.state.status = 200
    await until(() => healths()[0] === 'healthy', 'the recovery')
    expect(picked()).toEqual([one.port])
  })

  test('starts slowly what passes its checks again', async () => {
    let now = 0
    const { set, healths, warm, endpoint } = world({ clock: { now: () => now, monotonic: () => now } })
    const [one, other] = [application(), application()]
    const slowStart = { windowMs: 60_000, aggression: 1, minWeight: 0.1 }
    const endpoints = [testEndpoint(one.port), testEndpoint(other.port)]
    set.put(testCluster('c', { endpoints, healthCheck, balancer: { kind: 'round-robin', slowStart } }))
    await warm()
    const share = (): number =>
      Array.from({ length: 1000 }, () => endpoint().config.port).filter((port) => port === one.port).length / 1000
    now = 100_000
    expect(Math.abs(share() - 0.5)).toBeLessThan(0.05)
    one.state.status = 503
    await until(() => healths()[0] === '/failed_active_hc', 'the failure')
    now = 200_000
    one.state.status = 200
    await until(() => healths()[0] === 'healthy', 'the recovery')
    // A tenth of the weight, beside an endpoint that has all of its own.
    expect(Math.abs(share() - 1 / 11)).toBeLessThan(0.05)
    now = 300_000
    expect(Math.abs(share() - 0.5)).toBeLessThan(0.1)
  })

  test('checks a new endpoint before it takes requests, and leaves one alone that is not to be checked', async () => {
    const { set, picked, healths, warm, gauge } = world()
    const [old, late] = [application(), application()]
    const { promise, resolve } = Promise.withResolvers<void>()
    late.state.hold = promise
    const unchecked = { address: '', port: 0, hostname: '', disabled: true }
    const config = testCluster('c', { discovery: 'eds', healthCheck, excludeNewHosts: true })
    set.putEndpoints({ clusterName: 'c', endpoints: [testEndpoint(old.port)] })
    set.put(config)
    await warm()
    set.putEndpoints({
      clusterName: 'c',
      endpoints: [testEndpoint(old.port), testEndpoint(late.port), testEndpoint(1, { healthCheck: unchecked })],
    })
    expect(picked()).toEqual([1, old.port])
    expect(healths()).toEqual(['healthy', '/failed_active_hc/pending_active_hc', 'healthy'])
    expect(gauge('membership_excluded')).toBe(1)
    expect(set.warming()).toEqual([])
    resolve()
    await until(() => picked().length === 3, 'the new endpoint')
    expect(gauge('membership_excluded')).toBe(0)
  })

  test('goes on with its endpoints when checks are added, until a check says otherwise; without checks all count as well', async () => {
    const { set, picked, healths } = world()
    const [well, ill] = [application(), application(503)]
    const endpoints = [testEndpoint(well.port), testEndpoint(ill.port)]
    set.put(testCluster('c', { endpoints }))
    set.put(testCluster('c', { endpoints, healthCheck }))
    expect([picked().length, set.warming()]).toEqual([2, []])
    await until(() => healths()[1] === '/failed_active_hc', 'the first check')
    expect(picked()).toEqual([well.port])
    set.put(
      testCluster('c', {
        endpoints,
        healthCheck: { ...healthCheck, probe: testHttpProbe({ expectedStatuses: [{ start: 200, end: 600 }] }) },
      }),
    )
    await until(() => picked().length === 2, 'what the new settings say')
    ill.state.status = 503
    set.put(testCluster('c', { endpoints }))
    expect([picked().length, healths()]).toEqual([2, ['healthy', 'healthy']])
  })

  test('keeps an endpoint that discovery removed while it passes its checks', async () => {
    const { set, picked, healths, warm } = world()
    const [gone, stays] = [application(), application()]
    const both = [testEndpoint(gone.port), testEndpoint(stays.port)]
    set.putEndpoints({ clusterName: 'c', endpoints: both })
    set.put(testCluster('c', { discovery: 'eds', healthCheck }))
    await warm()
    set.putEndpoints({ clusterName: 'c', endpoints: [testEndpoint(stays.port)] })
    expect(picked()).toHaveLength(2)
    expect(healths()).toEqual(['healthy', '/pending_dynamic_removal'])
    gone.state.status = 503
    await until(() => healths().length === 1, 'the removal')
    expect(picked()).toEqual([stays.port])
    gone.state.status = 200
    set.putEndpoints({ clusterName: 'c', endpoints: both })
    await until(() => picked().length === 2, 'the return')
    set.put(testCluster('c', { discovery: 'eds', healthCheck, ignoreHealthOnRemoval: true }))
    set.putEndpoints({ clusterName: 'c', endpoints: [testEndpoint(stays.port)] })
    expect(healths()).toEqual(['healthy'])
  })

  test('closes idle connections of an endpoint that falls ill, and sessions when it is told to', async () => {
    const { set, warm, endpoint, picked } = world()
    const { port, state } = application()
    set.put(testCluster('c', { endpoints: [testEndpoint(port)], healthCheck, closeOnHealthFailure: true }))
    await warm()
    const target = endpoint()
    const owner = createRecordingOwner()
    const outcome = await new Promise<Parameters<Parameters<EndpointRuntime['connect']>[1]>[0]>((resolve) =>
      target.connect(owner, resolve),
    )
    if (outcome.kind === 'failed') throw new Error(outcome.message)
    target.putIdle(outcome.socket)
    let aborted = 0
    target.boundSessions?.add({ abort: () => void (aborted += 1) })
    state.status = 503
    await until(() => picked().length === 0, 'the failure')
    expect(target.takeIdle()).toBeUndefined()
    expect(aborted).toBe(1)
    await until(() => target.cluster.connections === 0, 'the close')
  })

  test('ends the ejection of an endpoint that passes a check', async () => {
    const { set, warm, endpoint, healths } = world()
    const { port, state } = application()
    const outlierDetection = testOutlierConfig({ maxEjectionPercent: 100, consecutive5xx: 1 })
    set.put(testCluster('c', { endpoints: [testEndpoint(port)], healthCheck, outlierDetection }))
    await warm()
    endpoint().outlier?.countResponse(503)
    expect(healths()).toEqual(['/failed_outlier_check'])
    await until(() => healths()[0] === 'healthy', 'the next check')
    const outlasting = { ...outlierDetection, outlastsChecks: true }
    set.put(testCluster('c', { endpoints: [testEndpoint(port)], healthCheck, outlierDetection: outlasting }))
    endpoint().outlier?.countResponse(503)
    const { checks } = state
    await until(() => state.checks > checks + 2, 'further checks')
    expect(healths()).toEqual(['/failed_outlier_check'])
  })

  test('asks where the endpoint says, by the name that it says', async () => {
    const { set, warm, picked } = world()
    const hosts: (string | null)[] = []
    const checked = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request) => {
        hosts.push(request.headers.get('host'))
        return new Response('')
      },
    })
    stops.push(() => void checked.stop(true))
    const own = { address: '', port: checked.port ?? 0, hostname: 'own.test', disabled: false }
    set.put(testCluster('c', { endpoints: [testEndpoint(1, { healthCheck: own })], healthCheck }))
    await warm()
    expect(picked()).toEqual([1])
    expect(hosts[0]).toBe('own.test')
  })

  test('checks over the TLS of its traffic, as soon as the secrets are there', async () => {
    const secrets = createTestClusterServices()
    const { set, warm, picked, gauge } = world({ tls: secrets.tls })
    const authority = await createTestAuthority()
    const { certificateChain: cert, privateKey: key } = await authority.issue({ dnsNames: ['checked.test'] })
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', tls: { cert, key }, fetch: () => new Response('') })
    stops.push(() => void server.stop(true))
    const tls: ClientTlsConfig = {
      certificate: undefined,
      validation: { kind: 'named', name: 'ROOTCA' },
      subjectAltNames: [{ type: 'dns', match: { kind: 'exact', value: 'checked.test' } }],
      sni: 'checked.test',
      alpn: [],
      minVersion: 'TLSv1.2',
    }
    const endpoints = [testEndpoint(server.port ?? 0)]
    set.put(testCluster('c', { endpoints, healthCheck, tls }))
    await until(() => gauge('health_check_attempt') === 1, 'the first attempt')
    expect(set.warming()).toEqual(['c'])
    const validation = { trustedCa: authority.bundle, subjectAltNames: [] }
    secrets.secrets.put({ kind: 'validation', name: 'ROOTCA', validation })
    await warm()
    expect(picked()).toHaveLength(1)
    const stranger: ClientTlsConfig = {
      ...tls,
      subjectAltNames: [{ type: 'dns', match: { kind: 'exact', value: 'other.test' } }],
    }
    set.put(testCluster('c', { endpoints, healthCheck, tls: stranger }))
    await until(() => picked().length === 0, 'the failure')
  })

  test('begins a check with a PROXY protocol header that speaks for nobody', async () => {
    const upstream = createTestServer(() => ({
      onData: (socket, bytes) => {
        const isHead = Buffer.from(bytes).toString().startsWith('PROXY UNKNOWN\r\nGET /')
        socket.write(`HTTP/1.1 ${isHead ? 200 : 400} x\r\nContent-Length: 0\r\n\r\n`)
      },
      onDrain: () => undefined,
      onEnd: (socket) => socket.end(),
      onClose: () => undefined,
    }))
    stops.push(() => upstream[Symbol.dispose]())
    const { set, picked, warm } = world()
    set.put(testCluster('c', { healthCheck, endpoints: [testEndpoint(upstream.port)], proxyProtocol: 1 }))
    await warm()
    await until(() => picked().length === 1, 'a check that passes')
  })

  test('makes no check while the process has no descriptor left, and thinks nothing of it', async () => {
    const { port, state } = application()
    let left = 0
    const budget = {
      takeDownstream: () => false,
      giveDownstream: () => undefined,
      takeUpstream: () => left > 0,
      giveUpstream: () => undefined,
      downstream: 0,
      maxDownstream: 1,
      upstream: 0,
    }
    const { set, warm, gauge } = world({ budget })
    set.put(testCluster('c', { endpoints: [testEndpoint(port)], healthCheck }))
    await until(() => gauge('health_check_attempt') === 1, 'the first attempt')
    expect([state.checks, gauge('health_check_failure')]).toEqual([0, undefined])
    left = 1
    await warm()
    expect(state.checks).toBeGreaterThan(0)
  })

  test('leaves no check behind when it is removed', async () => {
    const { set, warm, gauge } = world()
    let open = 0
    const server = createTestServer((socket) => {
      open += 1
      return {
        onData: () => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
        onDrain: () => undefined,
        onEnd: () => void socket.end(),
        onClose: () => void (open -= 1),
      }
    })
    stops.push(() => server[Symbol.dispose]())
    set.put(testCluster('c', { endpoints: [testEndpoint(server.port)], healthCheck }))
    await warm()
    expect(open).toBe(1)
    set.remove('c')
    await until(() => open === 0, 'the close')
    const attempts = gauge('health_check_attempt')
    await new Promise((resolve) => setImmediate(resolve))
    expect([gauge('health_check_attempt'), gauge('health_check_healthy')]).toEqual([attempts, 0])
  })
})
