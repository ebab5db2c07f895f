import { afterEach, expect, test } from 'bun:test'

import { createRbacEngine, type RbacRule } from '../filters/index.ts'
import { FakeCluster, type Fixture, type FixtureOptions, plainForward, startFixture } from './http-server.fixture.ts'
import { answering, okResponse, RawClient, type RawServer } from './raw-peers.fixture.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const any: RbacRule = { kind: 'any' }
const friends: RbacRule = {
  kind: 'principal',
  match: { kind: 'prefix', value: 'spiffe://td/ns/friends/', ignoreCase: false },
}

function allow(principal: RbacRule, action: 'allow' | 'deny' = 'allow'): ReturnType<typeof createRbacEngine> {
  return createRbacEngine({ action, policies: [{ name: 'my friends', permissions: [any], principals: [principal] }] })
}

function start(options: FixtureOptions): { readonly fixture: Fixture; readonly upstream: RawServer } {
  const upstream = answering(() => okResponse('hi'))
  const fixture = startFixture({
    direction: 'inbound',
    cluster: new FakeCluster([upstream.port]),
    ...options,
    manager: { accessLogs: [{ path: '/dev/null', format: '', json: undefined }], ...options.manager },
  })
  stops.push(fixture.stop, () => upstream.stop())
  return { fixture, upstream }
}

async function ask(fixture: Fixture, lines = ''): Promise<string> {
  const client = await RawClient.connect(fixture.port)
  client.send(`GET / HTTP/1.1\r\nHost: up\r\nConnection: close\r\n${lines}\r\n`)
  const answer = await client.ends()
  client.close()
  return answer
}

function count(fixture: Fixture, name: string): number {
  return fixture.telemetry.counter(`envoy_http_rbac_${name}`, { envoy_http_conn_manager_prefix: 'test' }).value
}

test.each([
  ['spiffe://td/ns/friends/sa/a', '200'],
  ['spiffe://td/ns/others/sa/a', '403'],
  ['', '403'],
])('authorize() lets peer %p pass or not: %s', async (peerSpiffeId, status) => {
  const filters = [
    { kind: 'rbac', name: 'rbac', config: { rules: allow(friends), shadow: allow(any, 'deny') } },
  ] as const
  const { fixture } = start({ manager: { filters }, info: { tls: true, peerSpiffeId } })
  const answer = await ask(fixture)
  expect(answer.slice(9, 12)).toBe(status)
  const denied = status === '403'
  expect(answer.endsWith('\r\n\r\nRBAC: access denied')).toBe(denied)
  expect(fixture.logged.map(({ flags, details }) => [flags, details])).toEqual([
    [0, denied ? 'rbac_access_denied_matched_policy[none]' : 'via_upstream'],
  ])
  const counts = ['allowed', 'denied', 'shadow_allowed', 'shadow_denied'].map((name) => count(fixture, name))
  expect(counts).toEqual(denied ? [0, 1, 0, 1] : [1, 0, 0, 1])
})

test('authorize() asks rules of the connection once for it, and those of the route in place of them', async () => {
  let asked = 0
  const counting = {
    ofConnection: true,
    decide: () => {
      asked += 1
      return { allowed: true, policy: 'p', details: '' }
    },
  }
  const { fixture } = start({
    manager: { filters: [{ kind: 'rbac', name: 'rbac', config: { rules: counting } }] },
    decide: ({ path }) =>
      path === '/off'
        ? { ...plainForward, route: { ...plainForward.route, rbac: new Map([['rbac', { rules: allow(friends) }]]) } }
        : plainForward,
  })
  const client = await RawClient.connect(fixture.port)
  for (const [path, status] of [
    ['/', '200'],
    ['/', '200'],
    ['/off', '403'],
    ['/', '200'],
  ] as const) {
    client.received = ''
    client.send(`GET ${path} HTTP/1.1\r\nHost: up\r\n\r\n`)
    expect((await client.sees(status === '200' ? '\r\n\r\nhi' : 'denied')).slice(9, 12)).toBe(status)
  }
  client.close()
  expect(asked).toBe(2)
})

test('authorize() sees forwarding fields as they are passed on', async () => {
  const header = (name: string): RbacRule => ({
    kind: 'header',
    match: { name, condition: { kind: 'present', present: true }, invert: false, missingIsEmpty: false },
  })
  const rules = createRbacEngine({
    action: 'allow',
    policies: [
      { name: 'p', permissions: [header('x-envoy-internal'), header('x-forwarded-client-cert')], principals: [any] },
    ],
  })
  const { fixture } = start({ manager: { filters: [{ kind: 'rbac', name: 'rbac', config: { rules } }] } })
  const answer = await ask(
    fixture,
    'X-Envoy-Internal: true\r\nX-Forwarded-Client-Cert: URI=spiffe://td/ns/friends/sa/a\r\n',
  )
  expect(answer.slice(9, 12)).toBe('403')
})
