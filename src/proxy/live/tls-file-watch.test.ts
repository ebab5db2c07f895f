import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import { TlsFileWatch } from './tls-file-watch.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-watch-'))
})
afterEach(() => rm(directory, { recursive: true }))

function watchOf(): {
  readonly watch: TlsFileWatch
  readonly changes: string[]
  readonly open: (owner: string, path: string) => string
} {
  const changes: string[] = []
  const read = (path: string): string => readFileSync(path, 'utf8')
  const watch = new TlsFileWatch({ read, pollMs: 5, onChange: (owners) => changes.push([...owners].sort().join(' ')) })
  return {
    watch,
    changes,
    open: (owner, path) => {
      const files = new Set<string>()
      const text = watch.reader(files)(path)
      watch.follow(owner, files)
      return text
    },
  }
}

test('TlsFileWatch tells the owners of a file that was replaced, and nobody else', async () => {
  const { watch, changes, open } = watchOf()
  const [one, two] = [join(directory, 'one'), join(directory, 'two')]
  await writeFile(one, '1')
  await writeFile(two, '2')
  expect([open('a', one), open('b', one), open('c', two)]).toEqual(['1', '1', '2'])
  await writeFile(`${one}.new`, '3')
  await rename(`${one}.new`, one)
  await waitUntil('the change is seen', () => changes.length > 0)
  expect(changes).toEqual(['a b'])
  watch.close()
})

test('TlsFileWatch sees a directory behind a symbolic link change, as mounted secrets do, and a file that went away', async () => {
  const { watch, changes, open } = watchOf()
  for (const name of ['v1', 'v2']) {
    await mkdir(join(directory, name))
    await writeFile(join(directory, name, 'key'), name)
  }
  await symlink('v1', join(directory, 'data'))
  await symlink('data/key', join(directory, 'key'))
  expect(open('a', join(directory, 'key'))).toBe('v1')
  await symlink('v2', join(directory, 'data.new'))
  await rename(join(directory, 'data.new'), join(directory, 'data'))
  await waitUntil('the change is seen', () => changes.length === 1)
  expect(await readFile(join(directory, 'key'), 'utf8')).toBe('v2')
  await rm(join(directory, 'v2', 'key'))
  await waitUntil('the loss is seen', () => changes.length === 2)
  watch.close()
})

test('TlsFileWatch forgets the files of a resource that is gone', async () => {
  const { watch, changes, open } = watchOf()
  const [gone, kept] = [join(directory, 'gone'), join(directory, 'kept')]
  await writeFile(gone, '1')
  await writeFile(kept, '1')
  open('a', gone)
  open('b', kept)
  watch.follow('a', new Set())
  await writeFile(gone, 'changed')
  await writeFile(kept, 'changed')
  await waitUntil('the other change is seen', () => changes.length > 0)
  expect(changes).toEqual(['b'])
  watch.close()
})
