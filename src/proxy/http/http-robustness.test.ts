import { describe, expect, test } from 'bun:test'

import { createClusterSet } from '../cluster/index.ts'
import { createTestClusterServices, testCluster, testEndpoint } from '../data-plane-configs.fixture.ts'
import { type CompiledRetry, RetryOn } from '../route/index.ts'
import { FakeCluster, plainForward, startFixture } from './http-server.fixture.ts'
import { RawClient, RawServer, until } from './raw-peers.fixture.ts'

const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** The payload of a response, whatever its framing. */
function payload(response: string): string {
  const body = response.slice(response.indexOf('\r\n\r\n', response.indexOf('200 OK')) + 4)
  return response.includes('chunked') ? body.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '') : body
}

describe('a response split at every octet reaches the client the same', () => {
  test.each([
    [
      'HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\n',
      'abc0123456789abcdefT: v\r\n\r\n',
    ],
    ['HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world', 'hello world'],
    ['HTTP/1.0 200 OK\r\nX: y\r\n\r\nhello world', 'hello world\r\n'],
  ])('%j', async (text, expected) => {
    for (let cut = 1; cut < text.length; cut += 1) {
      const upstream = new RawServer((connection) => {
        connection.send(text.slice(0, cut))
        setImmediate(() => {
          connection.send(text.slice(cut))
          if (text.startsWith('HTTP/1.0')) connection.end()
        })
      })
      const cluster = new FakeCluster([upstream.port])
      const fixture = startFixture({ cluster })
      const client = await RawClient.connect(fixture.port)
      client.send(request)
      expect(payload(await client.ends())).toBe(expected)
      await until(() => fixture.server.connections === 0)
      expect(cluster.activeRequests).toBe(0)
      fixture.stop()
      upstream.stop()
    }
  })
})

const behaviours = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbreaks off',
  'garbage',
  '',
]

const requests = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nunfinished',
]

const retry: CompiledRetry = {
  attempts: 2,
  on: RetryOn.serverError | RetryOn.reset | RetryOn.connectFailure,
  retriableStatusCodes: [],
  perTryTimeoutMs: 20,
  backoffBaseMs: 2,
  backoffMaxMs: 10,
  avoidPreviousHosts: true,
  hostSelectionAttempts: 1,
}

describe('whatever the peers do', () => {
  test.each(['without limits', 'with limits that are reached'])(
    'every request ends, and every count returns to zero, %s',
    async (title) => {
      // A fixed sequence: a failure can be run again.
      let seed = 42
      const draw = (below: number): number => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
        return (seed >>> 16) % below
      }
      const upstream = new RawServer((connection) => {
        const answer = behaviours[draw(behaviours.length)] ?? ''
        if (answer === '') connection.abort()
        else connection.send(answer)
        if (answer.endsWith('off')) connection.end()
      })
      const clusters = createClusterSet(createTestClusterServices())
      const limits = { maxConnections: 3, maxPendingRequests: 6, maxRequests: 4, maxRetries: 20 }
      clusters.put(testCluster('up', { endpoints: [testEndpoint(upstream.port), testEndpoint(1)], limits }))
      const limited = clusters.get('up')
      const cluster =
        title === 'without limits' || limited === undefined
          ? new FakeCluster([upstream.port, 1], { maxRetries: 20 })
          : limited
      const fault = {
        delayPartsPerMillion: 300_000,
        delayMs: 5,
        abortPartsPerMillion: 100_000,
        abortStatus: 500,
        grpcStatus: undefined,
      }
      const fixture = startFixture({
        cluster,
        manager: { filters: [{ kind: 'fault' }] },
        decide: () => ({ ...plainForward, timeoutMs: 60, retry, fault: draw(3) === 0 ? fault : undefined }),
      })
      const visit = async (): Promise<void> => {
        for (let turn = 0; turn < 25; turn += 1) {
          const client = await RawClient.connect(fixture.port)
          for (let count = draw(4); count >= 0; count -= 1) client.send(requests[draw(requests.length)] ?? '')
          if (draw(4) === 0) client.finish()
          const patience = draw(25)
          for (let wait = 0; wait < patience && !client.over; wait += 1) await Bun.sleep(1)
          client.close()
        }
      }
      await Promise.all(Array.from({ length: 20 }, visit))
      await until(() => fixture.server.connections === 0 && fixture.server.activeRequests === 0)
      expect([cluster.activeRequests, cluster.pendingRequests, cluster.activeRetries]).toEqual([0, 0, 0])
      const endpoints = cluster instanceof FakeCluster ? cluster.endpoints : (clusters.describe()[0]?.endpoints ?? [])
      expect(endpoints.map((endpoint) => endpoint.activeRequests)).toEqual([0, 0])
      if (cluster === limited) expect(cluster.stats.upstream_rq_pending_overflow).toBeGreaterThan(0)
      clusters.close()
      expect(cluster.stats.upstream_rq_total).toBeGreaterThan(100)
      fixture.stop()
      upstream.stop()
    },
    20_000,
  )
})
