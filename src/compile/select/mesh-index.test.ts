import { describe, expect, test } from 'bun:test'
import { testParts, testService, testWorkload } from '../../../test/harness/build-test-mesh.ts'
import { buildMesh } from '../../model/index.ts'
import { createMeshIndex } from './mesh-index.ts'

describe('MeshIndex', () => {
  test('workloadsOf() and servicesOf() are each other’s inverse, within a namespace', () => {
    const services = [
      testService('reviews'),
      testService('all-v2', { selector: new Map([['version', 'v2']]) }),
      testService('none', { selector: new Map() }),
      testService('reviews', { namespace: 'other' }),
    ]
    const workloads = [testWorkload('reviews-v1'), testWorkload('reviews-v2'), testWorkload('ratings-v2')]
    const index = createMeshIndex(buildMesh(testParts({ services, workloads })))
    const ids = services.map((service) => index.workloadsOf(service).map((workload) => workload.id))
    expect(ids).toEqual([['reviews-v1', 'reviews-v2'], ['ratings-v2', 'reviews-v2'], [], []])
    const names = workloads.map((workload) => index.servicesOf(workload).map((service) => service.name))
    expect(names).toEqual([['reviews'], ['all-v2', 'reviews'], ['all-v2']])
  })

  test('virtualAddresses() are distinct, in the range, and do not depend on the order of services', () => {
    const services = Array.from({ length: 3000 }, (_, number) => testService(`s${number}`))
    const first = createMeshIndex(buildMesh(testParts({ services })))
    const second = createMeshIndex(buildMesh(testParts({ services: services.toReversed() })))
    const seen = new Set<string>()
    for (const service of services) {
      const [address = ''] = first.virtualAddresses(service)
      expect(address).toMatch(/^240\.240\.\d{1,3}\.\d{1,3}$/)
      expect(second.virtualAddresses(service)).toEqual([address])
      seen.add(address)
    }
    expect(seen.size).toBe(services.length)
  })

  test('virtualAddresses() keeps written addresses and gives a wildcard host none', () => {
    const written = testService('written', { addresses: ['10.0.0.1'] })
    const wild = testService('wild', { host: '*.example.com' })
    const index = createMeshIndex(buildMesh(testParts({ services: [written, wild] })))
    expect(index.virtualAddresses(written)).toEqual(['10.0.0.1'])
    expect(index.virtualAddresses(wild)).toEqual([])
  })
})
