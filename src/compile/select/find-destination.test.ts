import { describe, expect, test } from 'bun:test'
import { testDestination, testParts, testService, testWorkload } from '../../../test/harness/build-test-mesh.ts'
import { buildMesh, type DestinationPolicy } from '../../model/index.ts'
import { createTrace } from './client-view.ts'
import { findDestination } from './find-destination.ts'
import { createMeshIndex } from './mesh-index.ts'

const service = testService('reviews', { namespace: 'shop' })
const exact = service.host

function find(destinations: readonly DestinationPolicy[], namespace = 'default'): DestinationPolicy | undefined {
  const mesh = buildMesh(testParts({ services: [service], destinations }))
  const workload = testWorkload('client-v1', { namespace })
  return findDestination({ mesh, workload, index: createMeshIndex(mesh), trace: createTrace() }, service)
}

const subset = (name: string) => ({ name, labels: new Map(), portPolicies: new Map(), origin: service.origin }) as const

describe('findDestination()', () => {
  const ofClient = testDestination('client', '*.shop.svc.cluster.local')
  const ofService = testDestination('service', exact, { namespace: 'shop' })
  const ofRoot = testDestination('root', exact, { namespace: 'istio-system' })

  test('prefers the namespace of the client, even with a wider host', () => {
    expect(find([ofRoot, ofService, ofClient])?.name).toBe('client')
  })

  test('then the namespace of the service, then the root', () => {
    expect(find([ofRoot, ofService])?.name).toBe('service')
    expect(find([ofRoot])?.name).toBe('root')
  })

  test('does not take the root namespace for the client of the root namespace first', () => {
    expect(find([ofRoot, ofService], 'istio-system')?.name).toBe('service')
  })

  test('takes the most specific host of one namespace', () => {
    const wide = testDestination('wide', '*.local', { createdAt: '0' })
    expect(find([wide, ofClient])?.name).toBe('client')
  })

  test('leaves out what is not exported to the client', () => {
    expect(find([{ ...ofService, exportTo: ['.'] }, ofRoot])?.name).toBe('root')
  })

  test('prefers one that selects the client, and leaves out one that selects another', () => {
    const mine = testDestination('mine', exact, { clientLabels: new Map([['app', 'client']]), createdAt: '9' })
    const theirs = testDestination('theirs', exact, { clientLabels: new Map([['app', 'other']]), createdAt: '0' })
    expect(find([testDestination('all', exact), mine, theirs])?.name).toBe('mine')
  })

  test('joins the subsets of several for one host, the oldest first', () => {
    const older = testDestination('older', exact, { subsets: [subset('v1'), subset('v2')] })
    const younger = testDestination('younger', exact, { subsets: [subset('v2'), subset('v3')], createdAt: '2' })
    const found = find([younger, older])
    expect(found?.subsets.map((each) => each.name)).toEqual(['v1', 'v2', 'v3'])
    expect(found?.origin).toEqual(older.origin)
  })
})
