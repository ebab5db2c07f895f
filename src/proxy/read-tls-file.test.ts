import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'bun:test'
import { readTlsFile } from './read-tls-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-tls-file-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('readTlsFile() reads a file of up to 1 MiB', () => {
  const path = join(folder, 'ca.pem')
  writeFileSync(path, 'x'.repeat(1_048_576))
  expect(readTlsFile(path)).toHaveLength(1_048_576)
  writeFileSync(path, 'x'.repeat(1_048_577))
  expect(() => readTlsFile(path)).toThrow('larger than')
})

test('readTlsFile() refuses what is no regular file', () => {
  expect(() => readTlsFile('/dev/zero')).toThrow('not a regular file')
  expect(() => readTlsFile(folder)).toThrow('not a regular file')
  expect(() => readTlsFile(join(folder, 'none'))).toThrow('ENOENT')
})
