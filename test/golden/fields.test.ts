/** Every field of the Istio kinds is either refused by name at apply, or shows in the configuration that the proxy runs. */
import { describe, expect, test } from 'bun:test'
import { parse } from 'yaml'
import { assertNever } from '../../src/base/index.ts'
import { compileProxy } from '../../src/compile/index.ts'
import { checkResources } from '../../src/dialects/index.ts'
import { type DecodedResource, decodeResource } from '../../src/proxy/config/index.ts'
import { type Diagnostic, parseFiles } from '../../src/resources/index.ts'
import { readCase } from './compile-case.ts'
import { type FieldRow, fieldRows } from './field-rows.ts'

const authorities = ['reviews:9080', 'ext.example.com:80', '10.1.1.1', 'vm.example.com:80', 'subsets:9080']

const world = `client: productpage-v1
authorities: ${JSON.stringify(authorities)}
workloads:
  - id: productpage-v1
    tcpUpstreams:
      - {host: db, port: 3306, loopbackPort: 31000}
      - {host: routed, port: 3306, loopbackPort: 31001}
  - reviews-v1
  - reviews-v2
---
{apiVersion: v1, kind: Service, metadata: {name: reviews}, spec: {selector: {app: reviews}, ports: [{port: 9080, name: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: ratings}, spec: {selector: {app: ratings}, ports: [{port: 9080, name: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: subsets}, spec: {selector: {app: subsets}, ports: [{port: 9080, name: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{port: 3306, name: mysql}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: db2}, spec: {selector: {app: db2}, ports: [{port: 3306, name: mysql}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: routed}, spec: {selector: {app: routed}, ports: [{port: 3306, name: mysql}]}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: vm}
spec:
  hosts: [vm.example.com]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: vm}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: to-subsets}
spec: {hosts: [subsets], http: [{route: [{destination: {host: reviews, subset: v1}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: routed}
spec: {hosts: [routed], tcp: [{route: [{destination: {host: routed, subset: v1}}]}]}
`

function document(kind: FieldRow['kind'], spec: string): string {
  return `---\n{apiVersion: networking.istio.io/v1, kind: ${kind}, metadata: {name: row}, spec: ${spec}}\n`
}

/** All resources of the row's world as the proxy runs them; a refused one fails the test. */
function decodeWorld(row: FieldRow): ReadonlyMap<string, unknown> {
  const decoded = new Map<string, unknown>()
  for (const resources of compileProxy(readCase(world + document(row.kind, row.spec))).snapshot.values()) {
    for (const { typeUrl, name, bytes } of resources.values()) {
      const result = decodeResource(typeUrl, bytes, { readTlsFile: (path) => `text of ${path}` })
      if (!result.ok) throw new Error(`${name}: ${JSON.stringify(result.error)}`)
      decoded.set(`${result.value.kind} ${name}`, body(result.value))
    }
  }
  return decoded
}

function body(resource: DecodedResource): unknown {
  switch (resource.kind) {
    case 'cluster':
      return resource.cluster
    case 'endpoints':
      return resource.endpoints
    case 'listener':
      return resource.listener
    case 'route':
      return resource.table
    case 'virtual-host':
      return resource.virtualHost
    case 'secret':
      return resource.secret
    default:
      return assertNever(resource)
  }
}

/** What stands at `a.0.b`; `apply(/x)` calls a function. */
function follow(from: unknown, path: string): unknown {
  let value = from
  for (const step of path === '' ? [] : path.split('.')) {
    if (value === undefined || value === null) return undefined
    const call = /^(\w+)\((.*)\)$/.exec(step)
    const member: unknown = Reflect.get(Object(value), call?.[1] ?? step)
    value = call === null ? member : typeof member === 'function' ? member(call[2]) : undefined
  }
  return value
}

describe('a field that the dialect takes shows in the configuration of the proxy', () => {
  test.each(fieldRows.map((row) => [`${row.kind} ${row.field}`, row] as const))('%s', (_title, row) => {
    const decoded = decodeWorld(row)
    const [resource, path] = row.at
    if (path !== '') expect([...decoded.keys()]).toContain(resource)
    expect(follow(decoded.get(resource), path)).toEqual(row.value)
  })
})

/** Maps of the `spec`, with their place in the document and as a path without indexes. */
function* mapsOf(
  value: unknown,
  path: string,
): Generator<{ readonly path: string; readonly map: Record<string, unknown> }> {
  if (Array.isArray(value)) for (const item of value) yield* mapsOf(item, `${path}[]`)
  else if (typeof value === 'object' && value !== null) {
    const map = value as Record<string, unknown>
    yield { path, map }
    for (const [name, item] of Object.entries(map)) yield* mapsOf(item, `${path}.${name}`)
  }
}

function diagnose(kind: FieldRow['kind'], spec: unknown): readonly Diagnostic[] {
  const { resources } = parseFiles([{ path: 'row.yaml', text: document(kind, JSON.stringify(spec)) }], {
    defaultNamespace: 'default',
  })
  return checkResources(resources)
}

/** Names that the dialect knows in each map that some row writes, as it lists them itself: path to names. */
function knownFields(
  kind: FieldRow['kind'],
): ReadonlyMap<string, { readonly names: readonly string[]; readonly row: FieldRow }> {
  const known = new Map<string, { readonly names: readonly string[]; readonly row: FieldRow }>()
  for (const row of fieldRows.filter((candidate) => candidate.kind === kind)) {
    const spec: unknown = parse(row.spec)
    for (const { path, map } of mapsOf(spec, 'spec')) {
      if (known.has(path)) continue
      map['qqqqqqqq'] = 1
      const unknown = diagnose(kind, spec).find(
        ({ code, field }) => code === 'WEFT_FIELD_UNKNOWN' && field.endsWith('qqqqqqqq'),
      )
      delete map['qqqqqqqq']
      const listed = /Known fields are (.*)$/.exec(unknown?.remedy ?? '')?.[1]
      // A map of free names (labels, headers) knows no unknown ones.
      if (listed !== undefined) known.set(path, { names: listed.split(', '), row })
    }
  }
  return known
}

/** True when the dialect refuses the field by name, whatever its value is. */
function isRefused(row: FieldRow, path: string, name: string): boolean {
  const spec: unknown = parse(row.spec)
  for (const place of mapsOf(spec, 'spec')) {
    if (place.path !== path) continue
    place.map[name] = 1
    return diagnose(row.kind, spec).some(
      ({ code, field }) =>
        code === 'WEFT_ISTIO_UNSUPPORTED' && field.replaceAll(/\[\d+\]/g, '[]') === `${path}.${name}`,
    )
  }
  return false
}

describe('every field has a row or is refused by name', () => {
  test.each(['VirtualService', 'DestinationRule', 'ServiceEntry', 'WorkloadEntry'] as const)('%s', (kind) => {
    const covered = new Set(fieldRows.filter((row) => row.kind === kind).map(({ field }) => field))
    const isCovered = (path: string): boolean =>
      [...covered].some((field) => field === path || field.startsWith(`${path}.`) || field.startsWith(`${path}[]`))
    const missing: string[] = []
    const fields = knownFields(kind)
    expect(fields.get('spec')?.names.length).toBeGreaterThan(3)
    for (const [path, { names, row }] of fields) {
      for (const name of names) {
        if (!isCovered(`${path}.${name}`) && !isRefused(row, path, name)) missing.push(`${path}.${name}`)
      }
    }
    expect(missing).toEqual([])
  })
})
