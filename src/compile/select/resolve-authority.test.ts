import { describe, expect, test } from 'bun:test'
import {
  testLeg,
  testParts,
  testRoute,
  testRule,
  testService,
  testWorkload,
} from '../../../test/harness/build-test-mesh.ts'
import { buildMesh, type MeshParts } from '../../model/index.ts'
import { type ClientView, createTrace } from './client-view.ts'
import { createMeshIndex } from './mesh-index.ts'
import { resolveAuthority } from './resolve-authority.ts'

const http = (number: number) => ({ number, name: 'http', protocol: 'http1', targetPort: 9080 }) as const

function viewOf(parts: Partial<MeshParts>): ClientView {
  const mesh = buildMesh(testParts(parts))
  return { mesh, workload: testWorkload('client-v1'), index: createMeshIndex(mesh), trace: createTrace() }
}

const view = viewOf({
  services: [
    testService('reviews'),
    testService('web', { ports: [http(80), http(8080)], addresses: ['10.0.0.9', 'fd00::9'] }),
    testService('secret', { namespace: 'other', exportTo: ['.'] }),
    testService('api', { host: 'api.example.com', ports: [http(80)] }),
    testService('wild', { host: '*.example.com', ports: [http(80)] }),
  ],
  routes: [
    testRoute('shop', ['shop.example.org'], { http: [testRule([testLeg('reviews')])] }),
    testRoute('all', ['*'], { http: [testRule([testLeg('reviews')])] }),
  ],
})

function meaning(authority: string): string | undefined {
  const found = resolveAuthority(view, authority)
  return found?.kind === 'service' ? `${found.service.host}:${found.port.number}` : found?.host
}

describe('resolveAuthority()', () => {
  test.each([
    ['reviews:9080', 'reviews.default.svc.cluster.local:9080'],
    ['REVIEWS.default:9080', 'reviews.default.svc.cluster.local:9080'],
    ['reviews.default.svc:9080', 'reviews.default.svc.cluster.local:9080'],
    ['reviews.default.svc.cluster.local:9080', 'reviews.default.svc.cluster.local:9080'],
    ['web', 'web.default.svc.cluster.local:80'],
    ['web:8080', 'web.default.svc.cluster.local:8080'],
    ['10.0.0.9', 'web.default.svc.cluster.local:80'],
    ['[fd00::9]:8080', 'web.default.svc.cluster.local:8080'],
    ['api.example.com', 'api.example.com:80'],
    ['other.example.com', '*.example.com:80'],
    ['deep.er.example.com', '*.example.com:80'],
    ['shop.example.org', 'shop.example.org'],
  ])('%s means %s', (authority, expected) => {
    expect(meaning(authority)).toBe(expected)
  })

  test.each([
    ['a service without port 80 when no port is given', 'reviews'],
    ['a port that the service lacks', 'reviews:80'],
    ['a service of another namespace by its bare name', 'secret'],
    ['a service that is not exported', 'secret.other:9080'],
    ['an unknown name, whatever a route object for * says', 'nosuch:80'],
    ['a route-only host on another port', 'shop.example.org:8080'],
    ['the domain of a wildcard itself', 'example.com'],
    ['text that is no authority', 'a b'],
  ])('finds nothing for %s', (_name, authority) => {
    expect(meaning(authority)).toBeUndefined()
  })

  test('notes hosts that it did not find', () => {
    const { trace } = view
    expect([...trace.hosts]).toContain('nosuch.default.svc.cluster.local')
  })
})
