import { afterEach, describe, expect, test } from 'bun:test'

import type { ClusterConfig } from '../config/index.ts'
import { type CompiledRetry, type ForwardDecision, hashText, RetryOn } from '../route/index.ts'
import { FakeCluster, type Fixture, type FixtureOptions, plainForward, startFixture } from './http-server.fixture.ts'
import { answering, okResponse, RawClient, RawServer } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const get = (lines = '', path = '/'): string => `GET ${path} HTTP/1.1\r\nHost: up:80\r\n${lines}\r\n`

/** A cluster that notes by which hash it was asked for an endpoint. */
class HashingCluster extends FakeCluster {
  readonly hashes: (bigint | undefined)[] = []

  constructor(upstream: RawServer, balancer: ClusterConfig['balancer']) {
    super([upstream.port, upstream.port])
    Object.assign(this.config, { balancer })
    stops.push(() => upstream.stop())
    const pick = this.pick.bind(this)
    this.pick = (previous, _original?: string, hash?: bigint) => {
      this.hashes.push(hash)
      return pick(previous)
    }
  }
}

const ring: ClusterConfig['balancer'] = { kind: 'ring-hash', minimumSize: 1024, maximumSize: 1024 }

function start(cluster: FakeCluster, decision: Partial<ForwardDecision>, options: FixtureOptions = {}): Fixture {
  const fixture = startFixture({ ...options, cluster, decide: () => ({ ...plainForward, ...decision }) })
  stops.push(fixture.stop)
  return fixture
}

async function ask(fixture: Fixture, text: string): Promise<string> {
  const client = await RawClient.connect(fixture.port)
  client.send(text.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  const answer = await client.ends()
  client.close()
  return answer
}

const cookie = { kind: 'cookie', name: 'sid', path: '/', ttlSeconds: 60, terminal: false } as const

describe('hash policies of a route', () => {
  test('the endpoint is picked by the hash of the request, in every attempt', async () => {
    const busy = 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'
    const cluster = new HashingCluster(new RawServer((connection) => connection.send(busy)), ring)
    const retry: CompiledRetry = {
      attempts: 1,
      on: RetryOn.serverError,
      retriableStatusCodes: [],
      perTryTimeoutMs: 0,
      backoffBaseMs: 1,
      backoffMaxMs: 1,
      avoidPreviousHosts: true,
      hostSelectionAttempts: 5,
    }
    const fixture = start(cluster, { retry, hashPolicies: [{ kind: 'header', name: 'x-user', terminal: false }] })
    expect(await ask(fixture, get('X-User: ann\r\n'))).toStartWith('HTTP/1.1 503 ')
    expect(cluster.hashes).toEqual([hashText('ann'), hashText('ann')])
  })

  test('nothing is hashed for a cluster without consistent hashing, nor a cookie made', async () => {
    const cluster = new HashingCluster(new RawServer((connection) => connection.send(okResponse())), {
      kind: 'random',
    })
    const fixture = start(cluster, { hashPolicies: [cookie] })
    expect(await ask(fixture, get())).not.toContain('set-cookie')
    expect(cluster.hashes).toEqual([undefined])
  })

  test('a request that follows on the connection has no hash or cookie of the one before', async () => {
    const upstream = new RawServer((connection) => connection.send(okResponse()))
    const cluster = new HashingCluster(upstream, ring)
    const decide: FixtureOptions['decide'] = ({ path }) => ({
      ...plainForward,
      ...(path === '/hashed' ? { hashPolicies: [cookie] } : {}),
    })
    const fixture = startFixture({ cluster, decide })
    stops.push(fixture.stop)
    const client = await RawClient.connect(fixture.port)
    client.send(get('', '/hashed'))
    expect((await client.sees('\r\n\r\n')).match(/set-cookie/g)).toHaveLength(1)
    client.send(get('Connection: close\r\n', '/plain'))
    expect((await client.ends()).match(/set-cookie/g)).toHaveLength(1)
    expect(cluster.hashes.map((hash) => hash === undefined)).toEqual([false, true])
    client.close()
  })

  test('a cookie that is made is the key, stands beside those of the upstream, and is not made again', async () => {
    const upstream = answering(() => 'HTTP/1.1 200 OK\r\nSet-Cookie: own=1\r\nContent-Length: 0\r\n\r\n')
    const cluster = new HashingCluster(upstream, ring)
    const fixture = start(cluster, { hashPolicies: [cookie] })
    const answer = await ask(fixture, get())
    expect(answer).toContain('\r\nSet-Cookie: own=1\r\n')
    const value = /\r\nset-cookie: sid="([0-9a-f]{16})"; Max-Age=60; Path=\/; HttpOnly\r\n/.exec(answer)?.[1] ?? ''
    expect(cluster.hashes).toEqual([hashText(value)])
    expect(await ask(fixture, get(`Cookie: sid="${value}"\r\n`))).not.toContain('set-cookie')
    expect(cluster.hashes[1]).toBe(cluster.hashes[0])
  })

  test.each([
    [false, '', '192.0.2.7'],
    [false, 'X-Forwarded-For: 203.0.113.1, 203.0.113.9\r\n', '203.0.113.9'],
    [true, 'X-Forwarded-For: 203.0.113.1, 203.0.113.9\r\n', '192.0.2.7'],
  ])('the source is the client by the rules of the manager: use_remote_address %p, %p', async (own, lines, source) => {
    const cluster = new HashingCluster(new RawServer((connection) => connection.send(okResponse())), ring)
    const fixture = start(
      cluster,
      { hashPolicies: [{ kind: 'source-ip', terminal: false }] },
      { info: { remoteAddress: '192.0.2.7:4000' }, manager: { useRemoteAddress: own } },
    )
    await ask(fixture, get(lines))
    expect(cluster.hashes).toEqual([hashText(source)])
  })
})
