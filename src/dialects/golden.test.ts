import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'

import type { MeshSettings } from '../model/index.ts'
import { parseFiles, renderDiagnostic, renderDiagnostics, type Resource } from '../resources/index.ts'
import { checkResources, translateResources } from './index.ts'

const testdata = join(import.meta.dir, 'testdata')
const settings: MeshSettings = {
  trustDomain: 'cluster.local',
  serviceDomain: 'svc.cluster.local',
  rootNamespace: 'istio-system',
}

function casesOf(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, 'in.yaml')))
}

function check(folder: string) {
  const file = { path: 'in.yaml', text: readFileSync(join(folder, 'in.yaml'), 'utf8') }
  const { resources, diagnostics } = parseFiles([file], { defaultNamespace: 'default' })
  return { file, resources, diagnostics: [...diagnostics, ...checkResources(resources)] }
}

/** The model as text: maps as maps, bytes in hexadecimal, an origin as one line, nothing for empty lists. */
function modelText(resources: readonly Resource[], remarks: readonly string[]): string {
  const { settings: _, ...parts } = translateResources(resources, settings, () => '2026-01-01T00:00:00Z')
  const filled = Object.entries(parts).filter(([, list]) => list.length > 0)
  return stringify({ ...Object.fromEntries(filled), ...(remarks.length === 0 ? {} : { remarks }) }, plain, {
    lineWidth: 0,
    aliasDuplicateObjects: false,
  })
}

function plain(key: unknown, value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${value.toHex()}`
  if (value instanceof Map) return Object.fromEntries(value)
  if (key !== 'origin' || typeof value !== 'object' || value === null || !('line' in value)) return value
  const { kind, namespace, name, file, line } = value as Record<string, unknown>
  return `${String(kind)} ${String(namespace)}/${String(name)} ${String(file)}:${String(line)}`
}

function expectGolden(path: string, actual: string): void {
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, actual)
  expect(actual).toBe(existsSync(path) ? readFileSync(path, 'utf8') : '')
}

describe('translateResources()', () => {
  for (const name of casesOf(testdata)) {
    test(`gives the model of testdata/${name}`, () => {
      const { resources, diagnostics } = check(join(testdata, name))
      expect(diagnostics.filter((fault) => fault.severity === 'error')).toEqual([])
      const remarks = diagnostics.map((remark) => renderDiagnostic(remark))
      expectGolden(join(testdata, name, 'out.yaml'), modelText(resources, remarks))
    })
  }
})

describe('checkResources()', () => {
  for (const name of casesOf(join(testdata, 'faults'))) {
    test(`reports every fault of testdata/faults/${name}`, () => {
      const { file, resources, diagnostics } = check(join(testdata, 'faults', name))
      expect(diagnostics.some((fault) => fault.severity === 'error')).toBe(true)
      expectGolden(join(testdata, 'faults', name, 'diagnostics.txt'), renderDiagnostics(diagnostics, [file]))
      // A faulty object adds nothing, whoever forgets to look at its diagnostics.
      const faulty = new Set(diagnostics.filter((fault) => fault.severity === 'error').map((fault) => fault.resource))
      const good = resources.filter(
        (resource) => !faulty.has(`${resource.kind} ${resource.namespace}/${resource.name}`),
      )
      const everything = translateResources(resources, settings, () => '')
      expect(everything.routes.length).toBe(translateResources(good, settings, () => '').routes.length)
    })
  }
})
