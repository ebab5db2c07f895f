import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { checkResources, translateResources } from '../../src/dialects/index.ts'
import { type Diagnostic, parseFiles, renderDiagnostic } from '../../src/resources/index.ts'

const bookinfo = join(import.meta.dir, '../../../shared/corpora/istio/samples/bookinfo')
const settings = { trustDomain: 'cluster.local', serviceDomain: 'svc.cluster.local', rootNamespace: 'istio-system' }

function filesOf(folder: string): readonly string[] {
  return readdirSync(join(bookinfo, folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `${folder}/${name}`)
}

function load(paths: readonly string[]) {
  const files = paths.map((path) => ({ path, text: readFileSync(join(bookinfo, path), 'utf8') }))
  const { resources, diagnostics } = parseFiles(files, { defaultNamespace: 'default' })
  const all = [...diagnostics, ...checkResources(resources)]
  return { all, resources, errors: all.filter(isError), parts: translateResources(resources, settings, () => '') }
}

function isError(fault: Diagnostic): boolean {
  return fault.severity === 'error'
}

describe.skipIf(!existsSync(bookinfo))('Bookinfo of the Istio project', () => {
  for (const path of existsSync(bookinfo) ? [...filesOf('networking'), ...filesOf('platform/kube')] : []) {
    test(`${path} is accepted whole`, () => {
      const { errors, resources, parts } = load([path])
      expect(errors.map((fault) => renderDiagnostic(fault))).toEqual([])
      const of = (kind: string): number => resources.filter((resource) => resource.kind === kind).length
      expect(parts.routes).toHaveLength(of('VirtualService'))
      expect(parts.destinations).toHaveLength(of('DestinationRule'))
      expect(parts.services).toHaveLength(of('Service') + of('ServiceEntry'))
      expect(parts.gateways).toHaveLength(of('Gateway'))
      expect(resources.length).toBeGreaterThan(0)
    })
  }

  test('bookinfo.yaml gives its four services, whose selectors select what it deploys', () => {
    const { all, parts } = load(['platform/kube/bookinfo.yaml'])
    expect(parts.services.map((service) => service.name).toSorted()).toEqual([
      'details',
      'productpage',
      'ratings',
      'reviews',
    ])
    expect(parts.services.flatMap((service) => service.ports.map((port) => port.protocol))).toEqual([
      'http1',
      'http1',
      'http1',
      'http1',
    ])
    expect(all).toEqual([])
  })

  test('the 80-20 split and the delay for one user mean what they say', () => {
    const { parts } = load([
      'networking/virtual-service-reviews-80-20.yaml',
      'networking/virtual-service-ratings-test-delay.yaml',
    ])
    const [reviews, ratings] = parts.routes
    const action = reviews?.http[0]?.action
    expect(action?.kind === 'forward' ? action.legs.map((leg) => [leg.subset, leg.weight]) : []).toEqual([
      ['v1', 80],
      ['v2', 20],
    ])
    expect(ratings?.http[0]?.matches[0]?.headers).toEqual([
      { name: 'end-user', match: { kind: 'exact', value: 'jason' }, invert: false },
    ])
    expect(ratings?.http[0]?.fault?.delay).toEqual({ fraction: { partsPerMillion: 1_000_000 }, delayMs: 7000 })
  })

  test('a route bound to a gateway says that it is not served yet', () => {
    const { all } = load(['networking/bookinfo-gateway.yaml'])
    expect(all.map((remark) => [remark.severity, remark.code])).toEqual([
      ['warning', 'WEFT_ISTIO_GATEWAY_NOT_SERVED'],
      ['warning', 'WEFT_ISTIO_GATEWAY_NOT_SERVED'],
    ])
  })

  test('kinds of other dialects are refused by name', () => {
    const { errors } = load(['gateway-api/route-reviews-v1.yaml', 'policy/productpage_envoy_ratelimit.yaml'])
    expect(errors.map((fault) => fault.code)).toEqual([
      'WEFT_RESOURCE_KIND_UNSUPPORTED',
      'WEFT_RESOURCE_KIND_UNSUPPORTED',
      'WEFT_RESOURCE_KIND_UNSUPPORTED',
    ])
  })
})
