import { describe, expect, test } from 'bun:test'

import { createRouteTable, decide } from './compiled-route-table.ts'
import { toRequestView } from './request-view.ts'
import type { RouteDefinition } from './route-definition.ts'
import type { RouteTable } from './route-table.ts'

const noEdits = { requestEdits: undefined, responseEdits: undefined }

function split(weights: Readonly<Record<string, number>>, partsPerMillion?: number): RouteTable {
  const route: RouteDefinition = {
    name: '',
    origin: undefined,
    match: { path: { kind: 'prefix', value: '/', ignoreCase: false }, headers: [], query: [], partsPerMillion },
    action: {
      kind: 'forward',
      legs: Object.entries(weights).map(([cluster, weight]) => {
        return { cluster, weight, hostRewrite: undefined, fault: undefined, ...noEdits }
      }),
      pathRewrite: undefined,
      timeoutMs: 0,
      idleTimeoutMs: undefined,
      retry: undefined,
    },
    ...noEdits,
  }
  const result = createRouteTable({
    name: 't',
    onDemand: false,
    maxDirectResponseBytes: 4096,
    ignorePort: false,
    mostSpecificEditsWin: false,
    ...noEdits,
    virtualHosts: [{ name: 'h', domains: ['*'], routes: [route], ...noEdits }],
  })
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

function chosen(table: RouteTable, random: number, drawn = random): string {
  const view = toRequestView({ authority: 'h', path: '/' })
  const decision = decide(
    table,
    view,
    () => random,
    () => drawn,
  )
  return decision.kind === 'forward' ? decision.cluster : decision.kind
}

describe('decide() with a weighted split', () => {
  const table = split({ a: 80, none: 0, b: 15, c: 5 })

  test.each([
    [0, 'a'],
    [0.7999, 'a'],
    [0.8, 'b'],
    [0.9499, 'b'],
    [0.95, 'c'],
    [0.9999, 'c'],
  ])('at %p goes to %p, and never to a leg of weight 0', (drawn, expected) => {
    expect(chosen(table, drawn)).toBe(expected)
  })

  test('gives each leg its exact share of evenly spaced draws', () => {
    const counts = new Map<string, number>()
    for (let index = 0; index < 2000; index += 1) {
      const cluster = chosen(table, (index + 0.5) / 2000)
      counts.set(cluster, (counts.get(cluster) ?? 0) + 1)
    }
    expect(Object.fromEntries(counts)).toEqual({ a: 1600, b: 300, c: 100 })
  })

  test('draws the leg from the source of splits, and whether the route matches from the other', () => {
    const half = split({ a: 1, b: 1 }, 500_000)
    expect(chosen(half, 0.2, 0.9)).toBe('b')
    expect(chosen(half, 0.2, 0.1)).toBe('a')
    expect(chosen(half, 0.7, 0.1)).toBe('no-route')
  })
})
