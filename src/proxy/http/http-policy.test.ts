import { afterEach, describe, expect, test } from 'bun:test'

import { ResponseFlag } from '../../telemetry/index.ts'
import type { OnDemand } from '../data-plane.ts'
import { type CompiledRetry, type Decision, RetryOn } from '../route/index.ts'
import {
  FakeCluster,
  ManualClock,
  type Fixture,
  type FixtureOptions,
  plainForward,
  startFixture,
} from './http-server.fixture.ts'
import { peerMetadataLines } from './peer-metadata.ts'
import { answering, okResponse, RawClient, RawServer, until } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const logs = [{ path: '/dev/null', format: '', json: undefined }]
const get = (path = '/', lines = ''): string => `GET ${path} HTTP/1.1\r\nHost: up:80\r\n${lines}\r\n`
const { route } = plainForward

function start(options: FixtureOptions): Fixture {
  const fixture = startFixture({ ...options, manager: { accessLogs: logs, ...options.manager } })
  stops.push(fixture.stop)
  return fixture
}

function serve(server: RawServer): RawServer {
  stops.push(() => server.stop())
  return server
}

/** Sends one request on a connection of its own and returns the whole answer. */
async function ask(fixture: Fixture, text: string): Promise<string> {
  const client = await RawClient.connect(fixture.port)
  client.send(text.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  const answer = await client.ends()
  client.close()
  return answer
}

function last(fixture: Fixture): { readonly status: number; readonly flags: number; readonly details: string } {
  const record = fixture.logged.at(-1)
  return { status: record?.status ?? -1, flags: record?.flags ?? -1, details: record?.details ?? '' }
}

async function closedPort(): Promise<number> {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } })
  const { port } = listener
  listener.stop(true)
  return port
}

const retry: CompiledRetry = {
  attempts: 2,
  on: RetryOn.serverError,
  retriableStatusCodes: [],
  perTryTimeoutMs: 0,
  backoffBaseMs: 1,
  backoffMaxMs: 5,
  avoidPreviousHosts: false,
  hostSelectionAttempts: 1,
}

describe('decisions', () => {
  test('rewrites, edits, redirect and direct response', async () => {
    const upstream = serve(answering(() => okResponse('hi', 'X-Gone: 1\r\nX-Set: old\r\n')))
    const decisions: Record<string, Decision> = {
      '/f/x': {
        ...plainForward,
        pathRewrite: { kind: 'prefix', matched: '/f', replacement: '/g' },
        hostRewrite: 'new.host',
        requestEdits: { remove: ['x-del'], set: [['x-set', 'a']], add: [['x-add', 'é']] },
        responseEdits: { remove: ['x-gone'], set: [['x-set', 'new']], add: [['x-set', 'two']] },
      },
      '/r': { kind: 'redirect', route, status: 301, location: 'http://b/c', responseEdits: undefined },
      '/d': {
        kind: 'respond',
        route,
        status: 202,
        body: Buffer.from('direct'),
        responseEdits: { remove: [], set: [], add: [['x-d', '1']] },
      },
    }
    const fixture = start({
      cluster: new FakeCluster([upstream.port]),
      manager: { generateRequestId: false },
      decide: (request) => decisions[request.path] ?? { kind: 'no-route' },
    })
    const answer = await ask(fixture, get('/f/x?q', 'X-Del: 1\r\nX-Set: b\r\nX-Keep: 2\r\n'))
    expect(upstream.received).toBe(
      'GET /g/x?q HTTP/1.1\r\nX-Keep: 2\r\nx-set: a\r\nx-add: \xc3\xa9\r\nx-envoy-original-path: /f/x?q\r\nhost: new.host\r\nx-envoy-original-host: up:80\r\nx-forwarded-proto: http\r\n\r\n',
    )
    expect(answer).toContain('x-set: new\r\nx-set: two\r\n')
    expect(answer).not.toContain('X-Gone')
    expect(answer).not.toContain('old')
    const redirect = await ask(fixture, get('/r'))
    expect(redirect).toStartWith('HTTP/1.1 301 Moved Permanently\r\n')
    expect(redirect).toContain('location: http://b/c\r\n')
    const direct = await ask(fixture, get('/d'))
    expect(direct).toContain('x-d: 1\r\n')
    expect(direct).toEndWith('\r\n\r\ndirect')
    expect(await ask(fixture, get('/none'))).toStartWith('HTTP/1.1 404 ')
    expect(last(fixture)).toEqual({ status: 404, flags: ResponseFlag.NR, details: 'route_not_found' })
  })

  test('the path is normalised before it is matched, and so it is forwarded', async () => {
    const upstream = serve(answering(() => okResponse()))
    let path = ''
    const fixture = start({
      cluster: new FakeCluster([upstream.port]),
      decide: (request) => ((path = request.path), plainForward),
    })
    await ask(fixture, get('/public/..//%2e%2e/private?a=/../b'))
    expect(path).toBe('/private')
    expect(upstream.received).toStartWith('GET /private?a=/../b HTTP/1.1\r\n')
    expect(await ask(fixture, get('/a%00b'))).toStartWith('HTTP/1.1 400 ')
  })

  test('underscores in names are allowed, dropped or refused', async () => {
    const text = get('/', 'X_secret: 1\r\nX-Plain: 2\r\n')
    for (const [underscoreHeaders, status, seen] of [
      ['allow', 200, true],
      ['drop', 200, false],
      ['reject', 400, false],
    ] as const) {
      const upstream = serve(answering(() => okResponse()))
      let matched: string | undefined
      const fixture = start({
        cluster: new FakeCluster([upstream.port]),
        manager: { underscoreHeaders },
        decide: (request) => ((matched = request.header('x_secret')), plainForward),
      })
      expect(await ask(fixture, text)).toStartWith(`HTTP/1.1 ${status} `)
      expect(upstream.received.includes('X_secret')).toBe(seen)
      expect(matched).toBe(seen ? '1' : undefined)
      expect(upstream.received.includes('X-Plain')).toBe(status === 200)
    }
  })

  test('an unknown host is asked for and the request waits', async () => {
    const upstream = serve(answering(() => okResponse()))
    let known = false
    const asked: string[] = []
    const onDemand: OnDemand = {
      request: (_table, domain, done) => {
        asked.push(domain)
        setImmediate(() => {
          known = domain === 'up:80'
          done(known ? 'found' : 'absent')
        })
      },
    }
    const fixture = start({
      cluster: new FakeCluster([upstream.port]),
      onDemand,
      manager: { filters: [{ kind: 'on_demand' }] },
      decide: (request) => (known ? plainForward : { kind: 'on-demand', domain: request.authority }),
    })
    expect(await ask(fixture, 'GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n')).toStartWith('HTTP/1.1 404 ')
    expect(await ask(fixture, get())).toStartWith('HTTP/1.1 200 ')
    expect(asked).toEqual(['nowhere', 'up:80'])
  })

  test('faults delay and abort', async () => {
    const upstream = serve(answering(() => okResponse()))
    const fault = {
      delayPartsPerMillion: 1_000_000,
      delayMs: 40,
      abortPartsPerMillion: 0,
      abortStatus: 503,
      grpcStatus: undefined,
    }
    const fixture = start({
      cluster: new FakeCluster([upstream.port]),
      manager: { filters: [{ kind: 'fault' }] },
      decide: (request) => ({
        ...plainForward,
        fault: request.path === '/abort' ? { ...fault, abortPartsPerMillion: 1_000_000, abortStatus: 418 } : fault,
      }),
    })
    const clock = new ManualClock()
    const delayed = start({
      cluster: new FakeCluster([upstream.port]),
      manager: { filters: [{ kind: 'fault' }] },
      decide: () => ({ ...plainForward, fault: { ...fault, delayMs: 60_000 } }),
      timers: clock.timers,
    })
    const answer = ask(delayed, get())
    await until(() => delayed.server.activeRequests === 1)
    clock.pass(59_000)
    expect([upstream.received, delayed.server.activeRequests]).toEqual(['', 1])
    clock.pass(1100)
    expect(await answer).toStartWith('HTTP/1.1 200 ')
    expect(await ask(fixture, get())).toStartWith('HTTP/1.1 200 ')
    expect(last(fixture).flags).toBe(ResponseFlag.DI)
    const aborted = await ask(fixture, get('/abort'))
    expect(aborted).toStartWith('HTTP/1.1 418 ')
    expect(aborted).toEndWith('fault filter abort')
    expect(last(fixture).flags).toBe(ResponseFlag.DI | ResponseFlag.FI)
  })
})

describe('failures', () => {
  test('no cluster is NC, no endpoint UH, a refused connection UF, an open breaker UO', async () => {
    expect(await ask(start({}), get())).toStartWith('HTTP/1.1 503 ')
    const none = start({})
    await ask(none, get())
    expect(last(none).flags).toBe(ResponseFlag.NC)
    const empty = start({ cluster: new FakeCluster([]) })
    expect(await ask(empty, get())).toEndWith('no healthy upstream')
    expect(last(empty).flags).toBe(ResponseFlag.UH)
    const refused = start({ cluster: new FakeCluster([await closedPort()]) })
    expect(await ask(refused, get())).toContain('reset reason: remote connection failure')
    expect(last(refused)).toEqual({
      status: 503,
      flags: ResponseFlag.UF,
      details: 'upstream_reset_before_response_started{remote_connection_failure}',
    })
    const upstream = serve(answering(() => okResponse()))
    for (const limits of [{ maxRequests: 0 }, { maxPendingRequests: 0 }]) {
      const open = start({ cluster: new FakeCluster([upstream.port], limits) })
      expect(await ask(open, get())).toContain('x-envoy-overloaded: true')
      expect(last(open).flags).toBe(ResponseFlag.UO)
    }
  })

  test('a reset before the head is UC, nonsense UPE, and all counts return to zero', async () => {
    const upstream = serve(
      new RawServer((connection) => {
        if (connection.received.includes('/nonsense')) connection.send('SSH-2.0-x\r\n\r\n')
        else connection.abort()
      }),
    )
    const cluster = new FakeCluster([upstream.port])
    const fixture = start({ cluster })
    expect(await ask(fixture, get())).toContain('connection termination')
    expect(last(fixture).flags).toBe(ResponseFlag.UC)
    expect(await ask(fixture, get('/nonsense'))).toStartWith('HTTP/1.1 502 ')
    expect(last(fixture).flags).toBe(ResponseFlag.UPE)
    expect([cluster.activeRequests, cluster.pendingRequests, cluster.endpoints[0]?.activeRequests]).toEqual([0, 0, 0])
  })

  test('a response that breaks off cuts the client', async () => {
    const upstream = serve(
      new RawServer((connection) => {
        connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        connection.end()
      }),
    )
    const fixture = start({ cluster: new FakeCluster([upstream.port]) })
    const client = await RawClient.connect(fixture.port)
    client.send(get())
    await client.ends()
    await until(() => fixture.logged.length === 1)
    expect(last(fixture)).toEqual({
      status: 200,
      flags: ResponseFlag.UC,
      details: 'upstream_reset_after_response_started{connection_termination}',
    })
  })

  test('a connection with bytes behind the response is not used again', async () => {
    const upstream = serve(
      answering((_request, number) => okResponse(`n${number}`) + (number === 0 ? okResponse('poison') : '')),
    )
    const fixture = start({ cluster: new FakeCluster([upstream.port]) })
    const client = await RawClient.connect(fixture.port)
    client.send(get())
    await client.sees('n0')
    client.send(get())
    await client.sees('n1')
    expect(client.received).not.toContain('poison')
    expect(upstream.connections.length).toBe(2)
    client.close()
  })

  test('a route timeout is 504 UT and closes the upstream', async () => {
    const upstream = serve(new RawServer(() => undefined))
    const fixture = start({
      cluster: new FakeCluster([upstream.port]),
      decide: () => ({ ...plainForward, timeoutMs: 30 }),
    })
    expect(await ask(fixture, get())).toEndWith('upstream request timeout')
    expect(last(fixture)).toEqual({ status: 504, flags: ResponseFlag.UT, details: 'response_timeout' })
    await until(() => upstream.connections[0]?.closed === true)
  })

  test('an idle stream times out', async () => {
    const upstream = serve(new RawServer(() => undefined))
    const fixture = start({ cluster: new FakeCluster([upstream.port]), manager: { streamIdleTimeoutMs: 30 } })
    expect(await ask(fixture, get())).toStartWith('HTTP/1.1 504 ')
    expect(last(fixture).flags).toBe(ResponseFlag.SI)
  })

  test('a client that goes away frees the upstream', async () => {
    const upstream = serve(new RawServer(() => undefined))
    const cluster = new FakeCluster([upstream.port])
    const fixture = start({ cluster })
    const client = await RawClient.connect(fixture.port)
    client.send(get())
    await until(() => upstream.received.length > 0)
    client.close()
    await until(() => upstream.connections[0]?.closed === true && fixture.logged.length === 1)
    expect(last(fixture)).toEqual({ status: 0, flags: ResponseFlag.DC, details: 'downstream_remote_disconnect' })
    expect(cluster.activeRequests).toBe(0)
  })
})

describe('retries', () => {
  test('a 503 is retried up to the number of attempts, with the body', async () => {
    const upstream = serve(
      new RawServer((connection) => {
        if (!connection.received.endsWith('body')) return
        const done = upstream.received.split('body').length > 3
        connection.send(done ? okResponse('third') : 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')
      }),
    )
    const cluster = new FakeCluster([upstream.port])
    const fixture = start({ cluster, decide: () => ({ ...plainForward, retry }) })
    const client = await RawClient.connect(fixture.port)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')
    expect(await client.sees('third')).toStartWith('HTTP/1.1 200 ')
    expect(cluster.stats.upstream_rq_retry).toBe(2)
    expect(cluster.stats.upstream_rq_retry_success).toBe(1)
    expect(cluster.activeRetries).toBe(0)
    client.close()
  })

  test('the last answer passes when attempts are used up, flag URX', async () => {
    const upstream = serve(answering(() => 'HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno'))
    const fixture = start({ cluster: new FakeCluster([upstream.port]), decide: () => ({ ...plainForward, retry }) })
    expect(await ask(fixture, get())).toStartWith('HTTP/1.1 500 ')
    expect(upstream.received.split('GET ').length).toBe(4)
    expect(last(fixture).flags).toBe(ResponseFlag.URX)
  })

  test('connect failures go to another endpoint; a per-try timeout too', async () => {
    const upstream = serve(answering(() => okResponse()))
    const silent = serve(new RawServer(() => undefined))
    const policy = { ...retry, avoidPreviousHosts: true, perTryTimeoutMs: 30 }
    for (const port of [await closedPort(), silent.port]) {
      const fixture = start({
        cluster: new FakeCluster([port, upstream.port]),
        decide: () => ({ ...plainForward, retry: policy }),
      })
      expect(await ask(fixture, get())).toStartWith('HTTP/1.1 200 ')
    }
  })

  test('a retry names all hosts tried before, and how often to ask again', async () => {
    const ports = [1, 2, 3].map(() => serve(answering(() => 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')).port)
    const cluster = new FakeCluster(ports)
    const asked: (readonly [readonly string[], number | undefined] | undefined)[] = []
    const pick = cluster.pick.bind(cluster)
    cluster.pick = (previous) => {
      asked.push(previous && [previous.hosts.map(({ authority }) => authority), previous.attempts])
      return pick(previous)
    }
    const policy = { ...retry, avoidPreviousHosts: true, hostSelectionAttempts: 7 }
    const fixture = start({ cluster, decide: () => ({ ...plainForward, retry: policy }) })
    await ask(fixture, get())
    const hosts = ports.map((port) => `127.0.0.1:${port}`)
    expect(asked).toEqual([undefined, [hosts.slice(0, 1), 7], [hosts.slice(0, 2), 7]])
    asked.length = 0
    await ask(fixture, get())
    expect(asked[0]).toBeUndefined()
  })

  test('a body beyond the replay bound is not retried', async () => {
    const upstream = serve(
      new RawServer((connection) => {
        if (connection.received.endsWith('!')) connection.send('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')
      }),
    )
    const fixture = start({ cluster: new FakeCluster([upstream.port]), decide: () => ({ ...plainForward, retry }) })
    const client = await RawClient.connect(fixture.port)
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200001\r\n\r\n${'x'.repeat(200_000)}!`)
    expect(await client.sees('\r\n\r\n')).toStartWith('HTTP/1.1 503 ')
    expect(upstream.received.split('POST ').length).toBe(2)
    client.close()
  })

  test('a request on an idle connection that died is sent again once if it is idempotent', async () => {
    for (const [method, status] of [
      ['GET', 200],
      ['POST', 503],
    ] as const) {
      let dying = false
      const upstream = serve(
        new RawServer((connection) => {
          if (dying && upstream.connections[0] === connection) connection.abort()
          else connection.send(okResponse())
        }),
      )
      const fixture = start({ cluster: new FakeCluster([upstream.port]) })
      const client = await RawClient.connect(fixture.port)
      client.send(get())
      await client.sees('hello')
      dying = true
      client.received = ''
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
      expect(await client.sees('\r\n\r\n')).toStartWith(`HTTP/1.1 ${status} `)
      client.close()
    }
  })

  test('the breaker of retries holds', async () => {
    const upstream = serve(answering(() => 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'))
    const cluster = new FakeCluster([upstream.port], { maxRetries: 0 })
    const fixture = start({ cluster, decide: () => ({ ...plainForward, retry }) })
    expect(await ask(fixture, get())).toStartWith('HTTP/1.1 503 ')
    expect(cluster.stats.upstream_rq_retry_overflow).toBe(1)
  })

  test.each([
    [0, 1],
    [1, 0],
  ])('the budget of retries holds: with at least %p at once, %p overflow', async (minConcurrency, overflows) => {
    const upstream = serve(answering(() => 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'))
    const cluster = new FakeCluster([upstream.port], { maxRetries: 0, retryBudget: { percent: 20, minConcurrency } })
    const fixture = start({ cluster, decide: () => ({ ...plainForward, retry }) })
    expect(await ask(fixture, get())).toStartWith('HTTP/1.1 503 ')
    expect(cluster.stats.upstream_rq_retry_overflow).toBe(overflows)
  })
})

describe('identity and telemetry', () => {
  const meta = peerMetadataLines({
    id: 'peer-1',
    name: 'p',
    namespace: 'shop',
    workload: 'web-v2',
    clusterId: 'c2',
    labels: { app: 'web', version: 'v2' },
  })

  test('inbound: peer metadata labels the edge and never reaches the application; certificates are sanitised or set', async () => {
    const upstream = serve(answering(() => okResponse('x', 'X-Envoy-Peer-Metadata: secret\r\n')))
    const fixture = start({
      cluster: new FakeCluster([upstream.port]),
      direction: 'inbound',
      manager: { forwardClientCert: 'sanitize-set' },
      info: { tls: true, peerSpiffeId: 'spiffe://t/ns/shop/sa/web', localSpiffeId: 'spiffe://t/ns/d/sa/up' },
    })
    const answer = await ask(
      fixture,
      get('/', `${meta}X-Forwarded-Client-Cert: forged\r\nX-Envoy-Original-Path: /forged\r\nX-Envoy-Retry-On: 5xx\r\n`),
    )
    expect(answer).not.toContain('secret')
    expect(upstream.received).not.toMatch(/peer-metadata|forged|retry-on/i)
    expect(upstream.received).toContain(
      'x-forwarded-client-cert: By=spiffe://t/ns/d/sa/up;URI=spiffe://t/ns/shop/sa/web\r\n',
    )
    expect(upstream.received).toContain('x-forwarded-proto: https\r\n')
    const metrics = fixture.telemetry.expose()
    const line = metrics.split('\n').find((text) => text.startsWith('istio_requests_total')) ?? ''
    for (const label of [
      'reporter="destination"',
      'source_workload="web-v2"',
      'source_workload_namespace="shop"',
      'source_principal="spiffe://t/ns/shop/sa/web"',
      'source_version="v2"',
      'destination_workload="client"',
      'destination_service="up.default.svc.cluster.local"',
      'response_code="200"',
      'connection_security_policy="mutual_tls"',
    ]) {
      expect(line).toContain(label)
    }
    expect(line).toEndWith(' 1')
  })

  test('outbound: only the first request on a meshed connection carries metadata', async () => {
    const upstream = serve(answering(() => okResponse()))
    const cluster = new FakeCluster([upstream.port])
    for (const endpoint of cluster.endpoints) endpoint.meshed = true
    const fixture = start({ cluster })
    const client = await RawClient.connect(fixture.port)
    client.send(get('/1', 'x-envoy-peer-metadata: forged\r\n'))
    await client.sees('hello')
    client.send(get('/2'))
    await until(() => client.received.split('hello').length === 3)
    expect(upstream.received.split('x-envoy-peer-metadata-id: node-1').length).toBe(2)
    expect(upstream.received.indexOf('peer-metadata')).toBeLessThan(upstream.received.indexOf('/2'))
    expect(upstream.received).not.toContain('forged')
    const metrics = fixture.telemetry.expose()
    expect(metrics).toMatch(
      /istio_requests_total\{reporter="source",source_workload="client".*destination_workload="up-v1".*response_code="200".*\} 2/,
    )
    client.close()
  })

  test.each([
    ['an abort by the fault filter', 'FI', 'reviews'],
    ['no healthy endpoint', 'UH', 'reviews'],
    ['an open breaker', 'UO', 'reviews'],
    ['no cluster', 'NC', 'reviews'],
    ['a refused connection', 'UF', 'reviews'],
    ['no route', 'NR', 'unknown'],
  ])('%s (%s) counts for destination %s', async (_title, flag, name) => {
    const ports = flag === 'UH' ? [] : [await closedPort()]
    const cluster = new FakeCluster(ports, flag === 'UO' ? { maxPendingRequests: 0 } : {})
    cluster.config.destination = { host: 'reviews.shop.svc.cluster.local', name: 'reviews', namespace: 'shop' }
    const abort = {
      delayPartsPerMillion: 0,
      delayMs: 0,
      abortPartsPerMillion: flag === 'FI' ? 1_000_000 : 0,
      abortStatus: 500,
      grpcStatus: undefined,
    }
    const fixture = start({
      ...(flag === 'NC' ? {} : { cluster }),
      manager: { filters: [{ kind: 'fault' }] },
      decide: () =>
        flag === 'NR'
          ? { kind: 'no-route' }
          : { ...plainForward, cluster: 'outbound|9080|v1|reviews.shop.svc.cluster.local', fault: abort },
    })
    await ask(fixture, get())
    const line =
      fixture.telemetry
        .expose()
        .split('\n')
        .find((text) => text.startsWith('istio_requests_total')) ?? ''
    expect(line).toContain(`response_flags="${flag}"`)
    const known = name !== 'unknown'
    expect(line).toContain(`destination_service="${known ? 'reviews.shop.svc.cluster.local' : name}"`)
    expect(line).toContain(`destination_service_name="${name}"`)
    expect(line).toContain(`destination_service_namespace="${known ? 'shop' : name}"`)
    expect(line).toContain(`destination_workload="${flag === 'UF' ? 'up-v1' : 'unknown'}"`)
  })

  test('requests and connections are counted by connection manager, with classes of status', async () => {
    const upstream = serve(
      answering((request) => (request.includes('/gone') ? okResponse().replace('200', '404') : okResponse())),
    )
    const fixture = start({ cluster: new FakeCluster([upstream.port]), manager: { statPrefix: 'in_9080' } })
    const client = await RawClient.connect(fixture.port)
    for (const path of ['/', '/', '/gone']) {
      client.received = ''
      client.send(get(path))
      await client.sees('hello')
    }
    const value = (name: string): number => {
      const lines = fixture.telemetry.expose().split('\n')
      const line = lines.find(
        (text) => text.startsWith(name) && text.includes('envoy_http_conn_manager_prefix="in_9080"'),
      )
      return Number(line?.split(' ').at(-1) ?? Number.NaN)
    }
    expect(value('envoy_http_downstream_rq_total{')).toBe(3)
    expect(value('envoy_http_downstream_rq_xx{envoy_response_code_class="2"')).toBe(2)
    expect(value('envoy_http_downstream_rq_xx{envoy_response_code_class="4"')).toBe(1)
    expect(value('envoy_http_downstream_rq_xx{envoy_response_code_class="5"')).toBeNaN()
    expect([value('envoy_http_downstream_cx_total{'), value('envoy_http_downstream_cx_active{')]).toEqual([1, 1])
    expect(value('envoy_http_downstream_rq_active{')).toBe(0)
    client.close()
    await until(() => value('envoy_http_downstream_cx_active{') === 0)
  })

  test('requests without a match count with an unknown destination', async () => {
    const fixture = start({ decide: () => ({ kind: 'no-route' }) })
    await ask(fixture, get())
    expect(fixture.telemetry.expose()).toMatch(
      /istio_requests_total\{.*destination_service="unknown".*response_code="404".*response_flags="NR".*\} 1/,
    )
  })

  test('use_remote_address: the address is appended and the client is not believed', async () => {
    const upstream = serve(answering(() => okResponse()))
    const fixture = start({ cluster: new FakeCluster([upstream.port]), manager: { useRemoteAddress: true } })
    await ask(
      fixture,
      get(
        '/',
        'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Request-Id: mine\r\nX-Envoy-Internal: true\r\n',
      ),
    )
    expect(upstream.received).toContain('x-forwarded-for: 1.2.3.4,127.0.0.1\r\nx-forwarded-proto: http\r\n')
    expect(upstream.received).not.toMatch(/mine|internal/i)
    expect(upstream.received).toMatch(/x-request-id: [0-9a-f-]{36}\r\n/)
  })

  test.each([
    [false, 0, '3.3.3.3:0'],
    [false, 1, '2.2.2.2:0'],
    [false, 5, '127.0.0.1:40000'],
    [true, 0, '127.0.0.1:40000'],
    [true, 1, '3.3.3.3:0'],
  ])(
    'the client with use_remote_address %p and %p trusted hops is %p',
    async (useRemoteAddress, xffTrustedHops, expected) => {
      const fixture = start({ manager: { useRemoteAddress, xffTrustedHops }, decide: () => ({ kind: 'no-route' }) })
      await ask(fixture, get('/', 'X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For: 3.3.3.3\r\n'))
      expect(fixture.logged[0]?.downstreamRemoteAddress).toBe(expected)
    },
  )

  test('the access record tells what happened', async () => {
    const upstream = serve(answering(() => okResponse('hello', 'X-Up: yes\r\n')))
    const fixture = start({ cluster: new FakeCluster([upstream.port]) })
    const text =
      'POST /p?q HTTP/1.1\r\nHost: shop\r\nUser-Agent: t\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc'
    const bodied = serve(
      new RawServer(
        (connection) => connection.received.endsWith('abc') && connection.send(okResponse('hello', 'X-Up: yes\r\n')),
      ),
    )
    const other = start({ cluster: new FakeCluster([bodied.port]) })
    const client = await RawClient.connect(other.port)
    client.send(text)
    await client.ends()
    expect(fixture.logged.length).toBe(0)
    expect(other.logged[0]).toMatchObject({
      method: 'POST',
      path: '/p?q',
      protocol: 'HTTP/1.1',
      authority: 'shop',
      status: 200,
      flags: 0,
      details: 'via_upstream',
      bytesReceived: 3,
      bytesSent: 5,
      upstreamHost: `127.0.0.1:${bodied.port}`,
      upstreamCluster: 'up',
      routeName: 'r',
    })
    expect(other.logged[0]?.upstreamLocalAddress).toMatch(/^127\.0\.0\.1:\d+$/)
  })
})
