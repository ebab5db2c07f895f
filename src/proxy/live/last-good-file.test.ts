import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLastGoodFile, decodeLastGood, encodeLastGood } from './last-good-file.ts'

const resources = [
  { typeUrl: 'type/a', name: 'one', version: '1', bytes: new Uint8Array([1, 2, 3]) },
  { typeUrl: 'type/b', name: 'two', version: '', bytes: new Uint8Array() },
]
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-last-good-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

test('decodeLastGood() reads what encodeLastGood() wrote', () => {
  const decoded = decodeLastGood(encodeLastGood(resources))
  expect(decoded.ok && decoded.value).toEqual(resources)
})

test('decodeLastGood() refuses a file that is cut off or changed anywhere', () => {
  const bytes = encodeLastGood(resources)
  for (let length = 0; length < bytes.length; length += 1)
    expect(decodeLastGood(bytes.subarray(0, length)).ok).toBe(false)
  for (let index = 0; index < bytes.length; index += 1) {
    const changed = Buffer.from(bytes)
    changed[index] = (changed[index] ?? 0) ^ 0x40
    expect(decodeLastGood(changed).ok).toBe(false)
  }
})

test('createLastGoodFile() writes the newest state once, privately, and reads it back', async () => {
  const path = join(directory, 'sub', 'last-good.bin')
  const log: string[] = []
  {
    await using file = createLastGoodFile(path, (text) => log.push(text))
    expect(await file.load()).toEqual([])
    file.save(() => [])
    file.save(() => resources)
  }
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await using file = createLastGoodFile(path, (text) => log.push(text))
  expect(await file.load()).toEqual(resources)
  expect(log).toEqual([])
})

test('createLastGoodFile() ignores a damaged file and says so', async () => {
  const path = join(directory, 'damaged.bin')
  await writeFile(path, encodeLastGood(resources).subarray(0, 60))
  const log: string[] = []
  await using file = createLastGoodFile(path, (text) => log.push(text))
  expect(await file.load()).toEqual([])
  expect(log[0]).toContain('checksum')
})
