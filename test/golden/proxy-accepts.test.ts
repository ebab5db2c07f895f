/** Weft's own proxy reads every resource of every golden case: nothing that the compiler writes is refused. */
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'bun:test'
import { decodeResource } from '../../src/proxy/config/index.ts'
import { casesFolder, compileCase } from './compile-case.ts'

const pem = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'

describe('decodeResource() accepts what compileProxy() writes', () => {
  test.each(readdirSync(casesFolder).toSorted())('%s', (name) => {
    const faults: string[] = []
    for (const resources of compileCase(name).snapshot.values()) {
      for (const resource of resources.values()) {
        const decoded = decodeResource(resource.typeUrl, resource.bytes, { readFile: () => pem })
        if (decoded.ok) expect(decoded.value.name).toBe(resource.name)
        else faults.push(...decoded.error.map((fault) => `${resource.name}: ${fault.path}: ${fault.message}`))
      }
    }
    expect(faults).toEqual([])
  })
})
