import { describe, expect, test } from 'bun:test'
import {
  testDestination,
  testLeg,
  testParts,
  testRoute,
  testRule,
  testService,
  testWorkload,
} from '../../test/harness/build-test-mesh.ts'
import { buildMesh, type MeshParts } from '../model/index.ts'
import { compileProxy } from './compile-proxy.ts'
import type { CompileResult, Interest } from './contract.ts'
import { changedHosts, everyHost, isAffected, workloadKey } from './dependencies.ts'

const reviews = 'reviews.default.svc.cluster.local'
const base: MeshParts = testParts({
  services: [testService('reviews'), testService('ratings')],
  workloads: [testWorkload('client-v1'), testWorkload('reviews-v1'), testWorkload('ratings-v1')],
  routes: [testRoute('reviews', [reviews], { http: [testRule([testLeg('reviews')])] })],
})

function compile(parts: MeshParts, interest: Interest): CompileResult {
  return compileProxy({ mesh: buildMesh(parts), workload: testWorkload('client-v1'), interest })
}

const asksFor = (...authorities: string[]): Interest => ({ kind: 'on-demand', authorities: new Set(authorities) })

/** Bytes of all resources. */
function versions(result: CompileResult): string {
  return [...result.snapshot.values()].flatMap((map) => [...map.values()].map((each) => each.version)).join()
}

const changes: readonly (readonly [string, MeshParts])[] = [
  ['a new endpoint', { ...base, workloads: [...base.workloads, testWorkload('reviews-v2')] }],
  [
    'an endpoint that drains',
    {
      ...base,
      workloads: base.workloads.map((each) => (each.id === 'reviews-v1' ? { ...each, health: 'draining' } : each)),
    },
  ],
  ['an endpoint that leaves', { ...base, workloads: base.workloads.filter((each) => each.id !== 'reviews-v1') }],
  [
    'a changed route',
    { ...base, routes: [testRoute('reviews', [reviews], { http: [testRule([testLeg('ratings')])] })] },
  ],
  [
    'a route for a wildcard',
    {
      ...base,
      routes: [testRoute('wild', ['*.default.svc.cluster.local'], { http: [testRule([testLeg('ratings')])] })],
    },
  ],
  [
    'a destination policy',
    {
      ...base,
      destinations: [
        testDestination('reviews', reviews, { policy: { loadBalancer: 'random', origin: testRoute('x', []).origin } }),
      ],
    },
  ],
  [
    'a destination policy for everything',
    {
      ...base,
      destinations: [
        testDestination('all', '*', { policy: { loadBalancer: 'random', origin: testRoute('x', []).origin } }),
      ],
    },
  ],
  ['a service that goes', { ...base, services: base.services.filter((each) => each.name !== 'reviews') }],
  ['another trust domain', { ...base, settings: { ...base.settings, trustDomain: 'example.com' } }],
]

describe('changedHosts() with isAffected()', () => {
  test.each(changes)('never misses %s', (_name, after) => {
    for (const interest of [
      asksFor('reviews:9080'),
      asksFor('ratings:9080'),
      asksFor(),
      { kind: 'everything' } as const,
    ]) {
      const old = compile(base, interest)
      const isSame = versions(old) === versions(compile(after, interest))
      if (!isSame) expect(isAffected(old.dependsOn, changedHosts(buildMesh(base), buildMesh(after)))).toBe(true)
    }
  })

  test('sees a service that is created after it was asked for', () => {
    const before = compile(base, asksFor('new:9080'))
    const after = { ...base, services: [...base.services, testService('new')] }
    expect(versions(compile(after, asksFor('new:9080')))).not.toBe(versions(before))
    expect(isAffected(before.dependsOn, changedHosts(buildMesh(base), buildMesh(after)))).toBe(true)
  })

  test('sees a service that is created after it was asked for by address', () => {
    const before = compile(base, asksFor('10.0.0.9:9080'))
    const after = { ...base, services: [...base.services, testService('new', { addresses: ['10.0.0.9'] })] }
    expect(versions(compile(after, asksFor('10.0.0.9:9080')))).not.toBe(versions(before))
    expect(isAffected(before.dependsOn, changedHosts(buildMesh(base), buildMesh(after)))).toBe(true)
  })

  test('leaves a proxy alone that talks to something else', () => {
    const result = compile(base, asksFor('ratings:9080'))
    const after = { ...base, workloads: [...base.workloads, testWorkload('reviews-v2')] }
    const changed = changedHosts(buildMesh(base), buildMesh(after))
    expect([...changed].toSorted()).toEqual([reviews, workloadKey('reviews-v2')])
    expect(isAffected(result.dependsOn, changed)).toBe(false)
  })

  test('finds nothing between equal meshes', () => {
    expect(changedHosts(buildMesh(base), buildMesh(structuredClone(base))).size).toBe(0)
  })

  test('a workload is touched when a service starts to select it', () => {
    const after = {
      ...base,
      services: [...base.services, testService('front', { selector: new Map([['app', 'client']]) })],
    }
    const changed = changedHosts(buildMesh(base), buildMesh(after))
    expect(changed.has(workloadKey('client-v1'))).toBe(true)
  })

  test('settings touch everyone', () => {
    const after = { ...base, settings: { ...base.settings, trustDomain: 'example.com' } }
    expect(changedHosts(buildMesh(base), buildMesh(after)).has(everyHost)).toBe(true)
  })
})
