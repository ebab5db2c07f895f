import { describe, expect, test } from 'bun:test'

import { buildMesh, type MeshSettings } from '../model/index.ts'
import { parseFiles, type Resource } from '../resources/index.ts'
import {
  checkResources,
  dialects,
  joinParts,
  podDescriptionOf,
  translateResource,
  translateResources,
} from './index.ts'

const settings: MeshSettings = { trustDomain: 'td', serviceDomain: 'svc.example', rootNamespace: 'root' }

function parse(text: string): readonly Resource[] {
  return parseFiles([{ path: 'in.yaml', text }], { defaultNamespace: 'default' }).resources
}

function route(version: string): string {
  return `apiVersion: networking.istio.io/${version}\nkind: VirtualService\nmetadata: {name: a}\nspec:\n  hosts: [a]\n  http: [{route: [{destination: {host: a}}]}]\n`
}

describe('translateResources()', () => {
  test('gives the same model for every API version', () => {
    const models = ['v1', 'v1beta1', 'v1alpha3'].map((version) =>
      translateResources(parse(route(version)), settings, () => ''),
    )
    expect(models[1]).toEqual(models[0] ?? models[1])
    expect(models[2]).toEqual(models[0] ?? models[2])
    expect(models[0]?.routes[0]?.hosts).toEqual(['a.default.svc.example'])
  })

  test('adds nothing for an object with errors or of a version that is not served', () => {
    for (const text of [route('v2'), route('v1').replace('hosts', 'hots')]) {
      expect(translateResources(parse(text), settings, () => '').routes).toEqual([])
      expect(checkResources(parse(text)).some((fault) => fault.severity === 'error')).toBe(true)
    }
  })

  test('asks for the age of each object', () => {
    const resources = parse(`${route('v1')}---\n${route('v1').replace('name: a', 'name: b')}`)
    const parts = translateResources(resources, settings, (resource) => `age of ${resource.name}`)
    expect(parts.routes.map((item) => item.createdAt)).toEqual(['age of a', 'age of b'])
  })

  test('equals the joined parts of its objects, and builds a mesh', () => {
    const resources = parse(
      `${route('v1')}---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, name: http}]}\n`,
    )
    const parts = resources.map((resource) => translateResource(resource, { settings, createdAt: '' }))
    expect(joinParts(settings, parts)).toEqual(translateResources(resources, settings, () => ''))
    const mesh = buildMesh(joinParts(settings, parts))
    expect([...mesh.services.keys()]).toEqual(['a.default.svc.example'])
    expect([...mesh.routesByHost.keys()]).toEqual(['a.default.svc.example'])
  })
})

describe('checkResources()', () => {
  test('orders the faults of an object by position', () => {
    const faults = checkResources(
      parse(route('v1').replace('hosts: [a]', 'hosts: [a, a]\n  hpt: 1').replace('host: a', 'host: 1')),
    )
    const lines = faults.map((fault) => fault.line)
    expect(lines).toEqual(lines.toSorted((a, b) => a - b))
    expect(faults).toHaveLength(3)
  })
})

describe('dialects', () => {
  test('serve each kind once', () => {
    const kinds = dialects.flatMap((dialect) => dialect.kinds.map((kind) => `${kind.group}/${kind.kind}`))
    expect(new Set(kinds).size).toBe(kinds.length)
    expect(kinds).toContain('networking.istio.io/WorkloadEntry')
  })
})

describe('podDescriptionOf()', () => {
  test('describes the template of a Deployment and a Pod, and nothing of a Service', () => {
    const [deployment, pod, service] = parse(
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template:\n    metadata: {labels: {app: a}}\n    spec: {serviceAccountName: sa, containers: [{name: c, ports: [{containerPort: 80, name: web}]}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: p}}\nspec: {containers: [{name: c}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n',
    )
    if (deployment === undefined || pod === undefined || service === undefined)
      throw new Error('Expected three objects')
    expect(podDescriptionOf(deployment)).toEqual({
      labels: new Map([['app', 'a']]),
      serviceAccount: 'sa',
      ports: [{ container: 'c', name: 'web', port: 80, protocol: 'TCP' }],
    })
    expect(podDescriptionOf(pod)).toEqual({ labels: new Map([['app', 'p']]), serviceAccount: 'default', ports: [] })
    expect(podDescriptionOf(service)).toBeUndefined()
  })
})
