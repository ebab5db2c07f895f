import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createAccessLogWriter, maxAccessLogBufferBytes } from './access-log-writer.ts'

function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'weft-log-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

test('createAccessLogWriter() writes all lines in order when disposed', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'access.log')
  {
    await using writer = createAccessLogWriter()
    for (let index = 0; index < 1000; index += 1) writer.write(path, `${index}\n`)
  }
  expect(readFileSync(path, 'utf8')).toBe(Array.from({ length: 1000 }, (_, index) => `${index}\n`).join(''))
})

test('createAccessLogWriter() drops and counts what exceeds its bound', async () => {
  using folder = temporaryFolder()
  await using writer = createAccessLogWriter()
  const line = `${'x'.repeat(65_535)}\n`
  const path = join(folder.path, 'access.log')
  for (let index = 0; index < 32; index += 1) writer.write(path, line)
  expect(writer.dropped()).toBe(32 - Math.floor(maxAccessLogBufferBytes / 65_536))
})

test('createAccessLogWriter() counts lines for a file that cannot be opened and goes on', async () => {
  using folder = temporaryFolder()
  const writer = createAccessLogWriter()
  writer.write(join(folder.path, 'missing', 'access.log'), 'lost\n')
  writer.write(join(folder.path, 'access.log'), 'kept\n')
  await writer[Symbol.asyncDispose]()
  expect(writer.dropped()).toBe(1)
  expect(readFileSync(join(folder.path, 'access.log'), 'utf8')).toBe('kept\n')
})

test('reopen() writes to a new file after the old one was renamed', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'access.log')
  await using writer = createAccessLogWriter()
  writer.write(path, 'old\n')
  await writer.reopen()
  renameSync(path, `${path}.1`)
  writer.write(path, 'new\n')
  await writer.reopen()
  expect([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['old\n', 'new\n'])
})
