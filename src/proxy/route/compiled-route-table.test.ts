import { describe, expect, test } from 'bun:test'

import { createRouteTable, decide, withVirtualHosts } from './compiled-route-table.ts'
import type { Decision } from './decision.ts'
import { toRequestView } from './request-view.ts'
import type { RouteDefinition, RouteTableDefinition, VirtualHostDefinition } from './route-definition.ts'
import type { RouteTable } from './route-table.ts'

const noEdits = { requestEdits: undefined, responseEdits: undefined }

function route(cluster: string): RouteDefinition {
  const leg = { cluster, weight: 1, hostRewrite: undefined, fault: undefined, ...noEdits }
  return {
    name: '',
    origin: undefined,
    match: {
      path: { kind: 'prefix', value: '/', ignoreCase: false },
      headers: [],
      query: [],
      partsPerMillion: undefined,
    },
    action: {
      kind: 'forward',
      legs: [leg],
      pathRewrite: undefined,
      timeoutMs: 15_000,
      idleTimeoutMs: undefined,
      retry: undefined,
    },
    ...noEdits,
  }
}

/** A virtual host whose only route leads to a cluster with the host's own name. */
function host(name: string, ...domains: string[]): VirtualHostDefinition {
  return { name, domains, routes: [route(name)], ...noEdits }
}

function table(virtualHosts: readonly VirtualHostDefinition[], more: Partial<RouteTableDefinition> = {}): RouteTable {
  const result = createRouteTable({
    name: 't',
    onDemand: false,
    maxDirectResponseBytes: 4096,
    ignorePort: false,
    mostSpecificEditsWin: false,
    ...noEdits,
    ...more,
    virtualHosts,
  })
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

function decideFor(routes: RouteTable, authority: string): Decision {
  return decide(routes, toRequestView({ authority, path: '/' }), () => 0)
}

function cluster(routes: RouteTable, authority: string): string {
  const decision = decideFor(routes, authority)
  return decision.kind === 'forward' ? decision.cluster : decision.kind
}

describe('domains', () => {
  const routes = table([
    host('exact', 'www.example.com'),
    host('port', 'www.example.com:8080'),
    host('suffix', '*.example.com'),
    host('longer', '*.api.example.com'),
    host('dash', '*-bar.example.com'),
    host('prefix', 'www.*'),
    host('longer-prefix', 'www.example.*'),
    host('any', '*'),
  ])
  test.each([
    ['www.example.com', 'exact'],
    ['WWW.Example.COM', 'exact'],
    ['www.example.com:8080', 'port'],
    ['www.example.com:81', 'longer-prefix'],
    ['a.example.com', 'suffix'],
    ['a.b.example.com', 'suffix'],
    ['x.api.example.com', 'longer'],
    ['.api.example.com', 'suffix'],
    ['foo-bar.example.com', 'dash'],
    ['-bar.example.com', 'suffix'],
    ['.example.com', 'any'],
    ['www.example.org', 'longer-prefix'],
    ['www.other', 'prefix'],
    ['www.', 'any'],
    ['', 'any'],
    ['elsewhere', 'any'],
  ])('%p is served by %p', (authority, expected) => {
    expect(cluster(routes, authority)).toBe(expected)
  })

  test('ignorePort leaves the port of the authority out', () => {
    const ignoring = table([host('plain', 'h'), host('v6', '[::1]')], { ignorePort: true })
    expect(['h:80', 'h', '[::1]:80', '[::1]'].map((authority) => cluster(ignoring, authority))).toEqual([
      'plain',
      'plain',
      'v6',
      'v6',
    ])
  })

  test('createRouteTable() refuses a domain that two hosts claim', () => {
    const definition = {
      name: 't',
      onDemand: false,
      maxDirectResponseBytes: 4096,
      ignorePort: false,
      mostSpecificEditsWin: false,
      ...noEdits,
    }
    expect(createRouteTable({ ...definition, virtualHosts: [host('a', 'x', 'y'), host('b', 'y')] })).toEqual({
      ok: false,
      error: [{ domain: 'y', virtualHost: 'b', other: 'a' }],
    })
  })
})

describe('virtual hosts on demand', () => {
  const empty = table([], { onDemand: true })

  test('decide() asks for a host that is not held, lower case', () => {
    expect(decideFor(empty, 'Reviews:9080')).toEqual({ kind: 'on-demand', domain: 'reviews:9080' })
    expect(decideFor(table([]), 'reviews').kind).toBe('no-route')
  })

  test('decide() does not ask again when the host is held and has no route', () => {
    const held = put(empty, { ...host('reviews', 'reviews'), routes: [] })
    expect(decideFor(held, 'reviews').kind).toBe('no-route')
  })

  test('withVirtualHosts() adds, replaces and removes, and leaves the old table and other hosts alone', () => {
    const first = put(empty, host('a', 'a'), host('b', 'b'))
    const second = put(first, { ...host('a', 'a'), routes: [route('a2')] })
    const removed = withVirtualHosts(second, new Map(), ['t/b', 't/unknown'])
    if (!removed.ok) throw new Error('refused')
    expect(['a', 'b'].map((name) => cluster(first, name))).toEqual(['a', 'b'])
    expect(['a', 'b'].map((name) => cluster(second, name))).toEqual(['a2', 'b'])
    expect(['a', 'b'].map((name) => cluster(removed.value, name))).toEqual(['a2', 'on-demand'])
    expect(decideFor(second, 'b')).toBe(decideFor(first, 'b'))
    expect(decideFor(empty, 'a').kind).toBe('on-demand')
  })

  test('withVirtualHosts() refuses a domain that another host holds', () => {
    const held = put(empty, host('a', 'a'))
    const result = withVirtualHosts(held, new Map([['t/b', host('b', 'a')]]), [])
    expect(result).toEqual({ ok: false, error: [{ domain: 'a', virtualHost: 'b', other: 'a' }] })
  })

  test('hosts put later get the edits of their table', () => {
    const edits = { remove: [], set: [['x', 'table']], add: [] } as const
    const edited = put(table([], { onDemand: true, requestEdits: edits }), host('a', 'a'))
    expect(decideFor(edited, 'a')).toMatchObject({ requestEdits: edits })
  })
})

function put(routes: RouteTable, ...hosts: readonly VirtualHostDefinition[]): RouteTable {
  const result = withVirtualHosts(routes, new Map(hosts.map((entry) => [`t/${entry.name}`, entry])), [])
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}
