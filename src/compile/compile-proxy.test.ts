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
import { buildMesh, type MeshParts, type Workload } from '../model/index.ts'
import { TypeUrl, type XdsSnapshot } from '../xds/index.ts'
import { createCompileCache } from './compile-cache.ts'
import { compileProxy } from './compile-proxy.ts'
import type { CompileInput, CompileResult, Interest } from './contract.ts'
import { emitToYaml } from './emit/index.ts'

const asksFor = (...authorities: string[]): Interest => ({ kind: 'on-demand', authorities: new Set(authorities) })

function input(parts: Partial<MeshParts>, interest: Interest, id = 'client-v1'): CompileInput {
  const workload = testWorkload(id)
  const mesh = buildMesh(testParts({ ...parts, workloads: [workload, ...(parts.workloads ?? [])] }))
  return { mesh, workload, interest }
}

function names(snapshot: XdsSnapshot, type: (typeof TypeUrl)[keyof typeof TypeUrl]): readonly string[] {
  return [...(snapshot.get(type)?.keys() ?? [])]
}

function versions(result: CompileResult): readonly string[] {
  return [...result.snapshot.values()].flatMap((map) => [...map.values()].map((each) => `${each.name} ${each.version}`))
}

const reviews = 'reviews.default.svc.cluster.local'
const subset = (version: string) =>
  ({
    name: version,
    labels: new Map([['version', version]]),
    portPolicies: new Map(),
    origin: testRoute('x', []).origin,
  }) as const
const bookinfo: Partial<MeshParts> = {
  services: ['reviews', 'ratings', 'details'].map((name) => testService(name)),
  workloads: ['reviews-v1', 'reviews-v2', 'ratings-v1', 'details-v1'].map((id) => testWorkload(id)),
  routes: [
    testRoute('reviews', [reviews], {
      http: [testRule([testLeg('reviews', { subset: 'v1', weight: 3 }), testLeg('reviews', { subset: 'v2' })])],
    }),
  ],
  destinations: [testDestination('reviews', reviews, { subsets: [subset('v1'), subset('v2')] })],
}

describe('compileProxy()', () => {
  test('gives equal bytes whatever the order of the parts and the state of the cache', () => {
    const interest = asksFor('reviews:9080', 'ratings:9080')
    const cache = createCompileCache()
    const first = compileProxy(input(bookinfo, interest), cache)
    const reversed: Partial<MeshParts> = {
      ...bookinfo,
      services: bookinfo.services?.toReversed() ?? [],
      workloads: bookinfo.workloads?.toReversed() ?? [],
    }
    expect(versions(compileProxy(input(reversed, interest)))).toEqual(versions(first))
    expect(versions(compileProxy(input(reversed, interest), cache))).toEqual(versions(first))
    expect(versions(compileProxy(input(bookinfo, asksFor('ratings:9080', 'reviews:9080')), cache))).toEqual(
      versions(first),
    )
  })

  test('gives two proxies of one mesh the same objects', () => {
    const cache = createCompileCache()
    const one = input(bookinfo, asksFor('reviews:9080'))
    const workload = testWorkload('other-v1')
    const left = compileProxy(one, cache).snapshot
    const right = compileProxy({ ...one, workload }, cache).snapshot
    for (const type of [TypeUrl.cluster, TypeUrl.endpoints, TypeUrl.virtualHost] as const) {
      for (const [name, resource] of left.get(type) ?? []) {
        if (!name.startsWith('inbound')) expect(right.get(type)?.get(name)).toBe(resource)
      }
    }
  })

  test('keeps objects that a new mesh did not change', () => {
    const cache = createCompileCache()
    const interest = asksFor('reviews:9080', 'details:9080')
    const before = compileProxy(input(bookinfo, interest), cache).snapshot
    const grown = { ...bookinfo, workloads: [...(bookinfo.workloads ?? []), testWorkload('details-v2')] }
    const after = compileProxy(input(grown, interest), cache).snapshot
    const changed = [...after].flatMap(([type, map]) =>
      [...map.values()].filter((each) => before.get(type)?.get(each.name) !== each).map((each) => each.name),
    )
    expect(changed).toEqual(['outbound|9080||details.default.svc.cluster.local'])
  })

  test('tells workloads apart by the matches that they can meet', () => {
    const matches = [{ headers: [], query: [], gateways: [], source: { labels: new Map([['app', 'client']]) } }]
    const routes = [testRoute('reviews', [reviews], { http: [testRule([testLeg('reviews')], { matches })] })]
    const cache = createCompileCache()
    const one = input({ ...bookinfo, routes }, asksFor('reviews:9080'))
    const client = compileProxy(one, cache)
    const other = compileProxy({ ...one, workload: testWorkload('other-v1') }, cache)
    expect(names(client.snapshot, TypeUrl.cluster)).toContain(`outbound|9080||${reviews}`)
    expect(names(other.snapshot, TypeUrl.cluster)).not.toContain(`outbound|9080||${reviews}`)
    expect(names(other.snapshot, TypeUrl.virtualHost)).toEqual(['http_proxy/reviews:9080'])
  })

  test('tells clients apart by the keys that their destination rules hash', () => {
    const key = { kind: 'header', name: 'x-user' } as const
    const loadBalancer = { key, table: { kind: 'ring', minimumSize: 1024 } } as const
    const policy = { loadBalancer, origin: testRoute('x', []).origin }
    const clientLabels = new Map([['app', 'client']])
    const destinations = [testDestination('reviews', reviews, { policy, clientLabels })]
    for (const routes of [[], [testRoute('reviews', [reviews], { http: [testRule([testLeg('reviews')])] })]]) {
      const cache = createCompileCache()
      const one = input({ ...bookinfo, routes, destinations }, asksFor('reviews:9080'))
      const hostOf = (workload: Workload) => {
        const { snapshot } = compileProxy({ ...one, workload }, cache)
        return Buffer.from(snapshot.get(TypeUrl.virtualHost)?.get('http_proxy/reviews:9080')?.bytes ?? []).toString()
      }
      expect(hostOf(one.workload)).toContain('x-user')
      expect(hostOf(testWorkload('other-v1'))).not.toContain('x-user')
    }
  })

  test('repeats warnings when the result comes from the cache', () => {
    const routes = [testRoute('reviews', [reviews], { http: [testRule([testLeg('reviews', { subset: 'v9' })])] })]
    const cache = createCompileCache()
    const one = input({ ...bookinfo, routes }, asksFor('reviews:9080'))
    const first = compileProxy(one, cache).warnings
    expect(first.map((each) => each.code)).toEqual(['WEFT_COMPILE_SUBSET_UNKNOWN'])
    expect(compileProxy(one, cache).warnings).toEqual(first)
  })

  test('holds three of 5,000 services when the proxy talks to three', () => {
    const services = Array.from({ length: 5000 }, (_, number) => testService(`s${number}`))
    const workloads = services.map((service) => testWorkload(`${service.name}-v1`))
    const result = compileProxy(input({ services, workloads }, asksFor('s1:9080', 's2500:9080', 's4999:9080')))
    const outbound = names(result.snapshot, TypeUrl.cluster).filter((name) => name.startsWith('outbound'))
    expect(outbound).toHaveLength(3)
    expect(names(result.snapshot, TypeUrl.endpoints)).toEqual(outbound)
    expect(names(result.snapshot, TypeUrl.virtualHost)).toHaveLength(3)
    expect(result.dependsOn.size).toBeLessThan(30)
  })

  test('gives a workload without a proxy nothing', () => {
    const { proxy: _proxy, ...workload } = testWorkload('client-v1')
    const mesh = buildMesh(testParts({ workloads: [workload] }))
    expect(compileProxy({ mesh, workload, interest: { kind: 'everything' } }).snapshot.size).toBe(0)
  })

  test('serves hosts under a wildcard service by its cluster', () => {
    const port = { number: 80, name: 'http', protocol: 'http1', targetPort: 80 } as const
    const endpoint = { address: '10.0.0.1', ports: new Map(), labels: new Map(), weight: 1 }
    const wild = testService('wild', { host: '*.example.com', ports: [port], staticEndpoints: [endpoint] })
    const yaml = emitToYaml(compileProxy(input({ services: [wild] }, asksFor('www.example.com'))).snapshot)
    expect(yaml).toContain('name: http_proxy/www.example.com')
    expect(yaml).toContain('cluster: outbound|80||*.example.com')
  })
})

describe('emitToYaml()', () => {
  test('lists types in the order of a push', () => {
    const yaml = emitToYaml(compileProxy(input(bookinfo, asksFor('reviews:9080'))).snapshot)
    const titles = [...yaml.matchAll(/^(\w+):/gm)].map((match) => match[1])
    expect(titles).toEqual(['clusters', 'endpoints', 'listeners', 'routes', 'virtual_hosts'])
  })
})
