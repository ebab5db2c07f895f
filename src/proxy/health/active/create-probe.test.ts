/** Probes against real servers: HTTP/1.1 by hand and by Bun, HTTP/2 by node, gRPC by grpc-js. */
import { afterEach, describe, expect, test } from 'bun:test'
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { Server, ServerCredentials, status as GrpcStatus, type ServiceDefinition } from '@grpc/grpc-js'
import { createTestServer, until } from '../../../net/sockets.fixture.ts'
import { createConnector, createDeliveryProbe, type SocketOwner } from '../../../net/index.ts'
import type { HealthCheckConfig, HttpProbeConfig } from '../../config/index.ts'
import { testHealthCheck, testHttpProbe } from '../../data-plane-configs.fixture.ts'
import type { CheckOutcome } from './check-outcome.ts'
import { createProbe } from './create-probe.ts'
import type { Probe } from './probe.ts'

const stops: (() => void)[] = []
const delivery = createDeliveryProbe()
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A check against a port; `run` makes one and answers its outcome in short. */
function prober(port: number, overrides: Partial<HealthCheckConfig>) {
  const config = testHealthCheck(overrides)
  const connector = createConnector({
    target: { kind: 'tcp', address: '127.0.0.1', port },
    connectTimeoutMs: 1000,
    keepalive: undefined,
    setKeepalive: () => true,
    onReleased: () => undefined,
    onDescriptorFree: () => undefined,
  })
  let waiting: ((outcome: CheckOutcome) => void) | undefined
  let verified = 0
  const probe: Probe = createProbe(
    config,
    {
      provesUnreached: (socket, sent) => sent.refused || delivery.unacknowledged(socket) >= Math.max(sent.taken, 1),
      dial: (owner, done) =>
        connector.connect(undefined, owner, (result) => done(result.kind === 'connected' ? result.socket : undefined)),
      authority: 'checked.test',
      secure: false,
      reuseConnection: config.reuseConnection,
    },
    { done: (outcome) => waiting?.(outcome), onVerify: () => void (verified += 1) },
  )
  stops.push(() => probe.close())
  const run = async (): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<CheckOutcome>()
    waiting = resolve
    probe.start()
    const outcome = await promise
    if (outcome.kind === 'passed') return outcome.degraded ? 'degraded' : 'passed'
    return outcome.kind === 'failed' ? `${outcome.cause}${outcome.excluded ? ' excluded' : ''}` : outcome.kind
  }
  return { run, probe, verified: () => verified }
}

/** An HTTP/1.1 server that answers every request with these octets, and keeps what came. */
function octets(answer: string, options: { readonly close?: boolean } = {}) {
  const state = { answer, requests: '', connections: 0 }
  const server = createTestServer(() => {
    state.connections += 1
    const owner: SocketOwner = {
      onData: (socket, bytes) => {
        state.requests += Buffer.from(bytes).toString('latin1')
        if (!state.requests.endsWith('\r\n\r\n') && !state.requests.endsWith('body')) return
        socket.write(state.answer)
        if (options.close === true) socket.end()
      },
      onDrain: () => undefined,
      onEnd: (socket) => socket.end(),
      onClose: () => undefined,
    }
    return owner
  })
  stops.push(() => server[Symbol.dispose]())
  return { port: server.port, sockets: server.sockets, state }
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'

describe('an HTTP/1.1 check', () => {
  test('sends what is configured', async () => {
    const { port, state } = octets(ok)
    const headers = { remove: [], set: [['user-agent', 'probe']], add: [['x-a', 'b']] } as const
    const probe = testHttpProbe({ path: '/ready?now', method: 'POST', send: Buffer.from('body'), headers })
    expect(await prober(port, { probe }).run()).toBe('passed')
    expect(state.requests).toBe(
      'POST /ready?now HTTP/1.1\r\nhost: checked.test\r\ncontent-length: 4\r\nuser-agent: probe\r\nx-a: b\r\n\r\nbody',
    )
  })

  test.each<[string, string, Partial<HttpProbeConfig>]>([
    ['passed', ok, {}],
    ['answer', 'HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno', {}],
    ['answer', 'HTTP/1.1 201 Made\r\ncontent-length: 0\r\n\r\n', {}],
    ['passed', 'HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n', { expectedStatuses: [{ start: 400, end: 500 }] }],
    ['retriable', 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n', { retriableStatuses: [{ start: 500, end: 504 }] }],
    ['answer excluded', 'HTTP/1.1 503 No\r\nx-envoy-immediate-health-check-fail: 1\r\ncontent-length: 0\r\n\r\n', {}],
    ['degraded', 'HTTP/1.1 200 OK\r\nx-envoy-degraded: 1\r\ncontent-length: 0\r\n\r\n', {}],
    ['passed', `HTTP/1.1 100 Continue\r\n\r\n${ok}`, {}],
    ['network', 'SSH-2.0-OpenSSH\r\n', {}],
    ['network', 'HTTP/1.1 101 Switch\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', {}],
    [
      'passed',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nall is ok',
      { receive: [Buffer.from('all'), Buffer.from('ok')] },
    ],
    [
      'answer',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nall is ok',
      { receive: [Buffer.from('ok'), Buffer.from('all')] },
    ],
    [
      'answer',
      'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n--ok',
      { receive: [Buffer.from('ok')], responseBufferBytes: 3 },
    ],
    [
      'passed',
      'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n--ok',
      { receive: [Buffer.from('ok')], responseBufferBytes: 0 },
    ],
    [
      'passed',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n',
      { receive: [Buffer.from('ok')] },
    ],
    ['network', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n', {}],
    [
      'passed',
      'HTTP/1.1 200 OK\r\nx-envoy-upstream-healthchecked-cluster: reviews-v1\r\ncontent-length: 0\r\n\r\n',
      { serviceName: { kind: 'prefix', value: 'reviews', ignoreCase: false } },
    ],
    ['answer', ok, { serviceName: { kind: 'prefix', value: 'reviews', ignoreCase: false } }],
    ['passed', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', { method: 'HEAD' }],
  ])('is %s after %j', async (outcome, answer, overrides) => {
    const { port } = octets(answer)
    const { run, verified } = prober(port, { probe: testHttpProbe(overrides) })
    expect(await run()).toBe(outcome)
    expect(verified()).toBe(overrides.serviceName === undefined ? 0 : 1)
  })

  test('takes a body that ends with the connection, and not a head that does', async () => {
    const whole = octets('HTTP/1.0 200 OK\r\n\r\nok', { close: true })
    expect(await prober(whole.port, { probe: testHttpProbe({ receive: [Buffer.from('ok')] }) }).run()).toBe('passed')
    const cut = octets('HTTP/1.1 200 OK\r\ncontent-le', { close: true })
    expect(await prober(cut.port, { probe: testHttpProbe() }).run()).toBe('network')
  })

  test('fails where nobody listens', async () => {
    const { port, sockets } = octets(ok)
    stops.pop()?.()
    expect(sockets).toHaveLength(0)
    expect(await prober(port, { probe: testHttpProbe() }).run()).toBe('network')
  })

  test('uses one connection for all checks, unless it is told not to or the host says that it closes', async () => {
    for (const [answer, reuseConnection, connections] of [
      [ok, true, 1],
      [ok, false, 3],
      ['HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n', true, 3],
    ] as const) {
      const { port, state } = octets(answer)
      const { run } = prober(port, { probe: testHttpProbe(), reuseConnection })
      expect([await run(), await run(), await run()]).toEqual(['passed', 'passed', 'passed'])
      expect(state.connections).toBe(connections)
    }
  })

  test('is made again on a new connection when the kept one turns out to be closed', async () => {
    const { port, sockets, state } = octets(ok)
    const { run } = prober(port, { probe: testHttpProbe() })
    await run()
    sockets[0]?.terminate()
    expect(await run()).toBe('passed')
    sockets[1]?.end()
    expect(await run()).toBe('passed')
    expect(state.connections).toBe(3)
  })

  test('has failed when the host closed a kept connection upon it', async () => {
    const { port, sockets, state } = octets(ok)
    const { run } = prober(port, { probe: testHttpProbe() })
    await run()
    state.answer = ''
    const outcome = run()
    await until(() => state.requests.split('GET ').length === 3, 'the second request')
    sockets[0]?.end()
    expect(await outcome).toBe('network')
    expect(state.connections).toBe(1)
  })
})

describe('a TCP check', () => {
  const receive = [Buffer.from('+PO'), Buffer.from('NG')]

  test('passes with the connection when nothing is to be received', async () => {
    const { port, state } = octets(ok)
    expect(await prober(port, {}).run()).toBe('passed')
    expect(state.requests).toBe('')
  })

  test('passes when all that is to be received came, in pieces or at once', async () => {
    const server = createTestServer((socket) => {
      socket.write('+PO')
      return {
        onData: (peer, bytes) => void peer.write(`${Buffer.from(bytes).toString()} NG`),
        onDrain: () => undefined,
        onEnd: (peer) => peer.end(),
        onClose: () => undefined,
      }
    })
    stops.push(() => server[Symbol.dispose]())
    const { run } = prober(server.port, { probe: { kind: 'tcp', send: Buffer.from('PING'), receive } })
    expect(await run()).toBe('passed')
  })

  test('fails when the host closes before', async () => {
    const server = createTestServer((socket) => {
      socket.end('+PO')
      return {
        onData: () => undefined,
        onDrain: () => undefined,
        onEnd: (peer) => peer.end(),
        onClose: () => undefined,
      }
    })
    stops.push(() => server[Symbol.dispose]())
    const { run } = prober(server.port, { probe: { kind: 'tcp', send: new Uint8Array(), receive } })
    expect(await run()).toBe('network')
  })
})

async function listening(server: Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('an HTTP/2 check', () => {
  test('asks and judges as one over HTTP/1.1, on one connection', async () => {
    const seen: string[] = []
    let status = 200
    let sessions = 0
    const server = createHttp2Server()
    server.on('session', () => void (sessions += 1))
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      seen.push(`${headers[':method']} ${headers[':authority']} ${headers[':path']} ${headers['user-agent']}`)
      stream.respond({ ':status': status, ...(status === 200 ? { 'x-envoy-degraded': '1' } : {}) })
      // More than the first windows of stream and connection.
      stream.end(Buffer.alloc(100_000, 'x'))
    })
    const port = await listening(server)
    stops.push(() => server.close())
    const { run } = prober(port, { probe: testHttpProbe({ http2: true }) })
    expect(await run()).toBe('degraded')
    status = 503
    expect([await run(), await run()]).toEqual(['answer', 'answer'])
    expect(seen).toEqual(Array.from({ length: 3 }, () => 'GET checked.test /health Envoy/HC'))
    expect(sessions).toBe(1)
  })

  test.each([
    ['speaks HTTP/1.1', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['resets the stream', '\0\0\0\x04\0\0\0\0\0\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08'],
    ['sends a body without a head', '\0\0\0\x04\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01'],
    ['goes away before the stream', '\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0'],
  ])('fails against a server that %s', async (_, answer) => {
    const server = createTestServer(() => ({
      onData: (socket) => void socket.write(Buffer.from(answer, 'latin1')),
      onDrain: () => undefined,
      onEnd: (socket) => socket.end(),
      onClose: () => undefined,
    }))
    stops.push(() => server[Symbol.dispose]())
    expect(await prober(server.port, { probe: testHttpProbe({ http2: true }) }).run()).toBe('network')
  })
})

/** `grpc.health.v1.Health` by hand: messages are a name and a number. */
function healthService(): ServiceDefinition {
  return {
    check: {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: (name: string) => Buffer.from(name),
      requestDeserialize: (bytes) => bytes.subarray(2).toString(),
      responseSerialize: (status: number) => Buffer.from(status === 0 ? [] : [8, status]),
      responseDeserialize: (bytes) => bytes[1] ?? 0,
    },
  }
}

describe('a gRPC check', () => {
  test('passes only when the service is SERVING', async () => {
    let answer: number | Error = 1
    const seen: string[] = []
    const server = new Server()
    server.addService(healthService(), {
      check: (
        call: { request: string; metadata: { get(name: string): unknown[] }; getHost(): string },
        callback: Function,
      ) => {
        seen.push(`${call.request} ${String(call.metadata.get('x-token')[0])} ${call.getHost()}`)
        if (answer instanceof Error) callback({ code: GrpcStatus.NOT_FOUND, details: answer.message })
        else callback(null, answer)
      },
    })
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    stops.push(() => server.forceShutdown())
    const metadata = { remove: [], set: [], add: [['x-token', 't']] } as const
    const { run } = prober(port, { probe: { kind: 'grpc', service: 'reviews', authority: '', metadata } })
    const outcomes: string[] = []
    for (const next of [1, 2, 0, new Error('no such service'), 1]) {
      answer = next
      outcomes.push(await run())
    }
    expect(outcomes).toEqual(['passed', 'answer', 'answer', 'answer', 'passed'])
    expect(new Set(seen)).toEqual(new Set(['reviews t checked.test']))
  })

  test('fails against a server without the service, and against none', async () => {
    const server = createHttp2Server()
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 404 })
      stream.end()
    })
    const port = await listening(server)
    stops.push(() => server.close())
    const probe = { kind: 'grpc', service: '', authority: '', metadata: undefined } as const
    expect(await prober(port, { probe }).run()).toBe('answer')
    const { port: gone } = octets(ok)
    stops.pop()?.()
    expect(await prober(gone, { probe }).run()).toBe('network')
  })
})
