import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeContract } from '../contract.ts'
import { CompactedError, type Store } from '../store.ts'
import { openSqliteStore } from './sqlite-store.ts'

const root = mkdtempSync(join(tmpdir(), 'weft-store-'))
let count = 0
const freshPath = () => join(root, String(count++), 'store.sqlite')
afterAll(() => rmSync(root, { recursive: true }))

storeContract('sqlite', (options) => openSqliteStore(freshPath(), options))

const close = (store: Store) => store[Symbol.asyncDispose]()

/** Opens the store in a process of its own, commits `lines` one by one, prints each revision, and then waits to be killed. */
function spawnWriter(path: string) {
  const script = `
    import { openSqliteStore } from ${JSON.stringify(join(import.meta.dir, 'sqlite-store.ts'))}
    const store = openSqliteStore(process.argv[1])
    for (let n = 0; ; n++) {
      const revision = await store.commit([{ kind: 'put', key: 'k/' + (n % 10), value: 'v' + n }, { kind: 'put', key: 'n', value: String(n) }])
      console.log(revision)
    }`
  return Bun.spawn([process.execPath, '-e', script, path], { stdout: 'pipe', stderr: 'inherit' })
}

describe('openSqliteStore()', () => {
  test('keeps objects, revisions and history over a restart', async () => {
    const path = freshPath()
    const first = openSqliteStore(path)
    await first.commit([{ kind: 'put', key: 'a', value: '1' }])
    await first.commit([{ kind: 'put', key: 'b', value: '1' }])
    await close(first)
    const second = openSqliteStore(path)
    expect(await second.get('a')).toEqual({ key: 'a', value: '1', createRevision: 1, revision: 1 })
    const iterator = second.watch('', 1, new AbortController().signal)[Symbol.asyncIterator]()
    expect((await iterator.next()).value).toMatchObject([{ kind: 'put', revision: 2, object: { key: 'b' } }])
    expect(await second.commit([{ kind: 'put', key: 'c', value: '1' }])).toBe(3)
    await close(second)
  })

  test('remembers over a restart what was compacted', async () => {
    const path = freshPath()
    const first = openSqliteStore(path, { history: { commits: 1, bytes: 1000 } })
    for (const value of ['1', '2', '3']) await first.commit([{ kind: 'put', key: 'a', value }])
    await close(first)
    const second = openSqliteStore(path)
    const iterator = second.watch('', 1, new AbortController().signal)[Symbol.asyncIterator]()
    await expect(iterator.next()).rejects.toThrow(CompactedError)
    await close(second)
  })

  test('makes its file 0600 in a directory 0700', async () => {
    const path = freshPath()
    const store = openSqliteStore(path)
    await store.commit([{ kind: 'put', key: 'a', value: '1' }])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600)
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
    await close(store)
  })

  test('refuses a file that another process has open', async () => {
    const path = freshPath()
    const writer = spawnWriter(path)
    try {
      await writer.stdout.getReader().read()
      expect(() => openSqliteStore(path)).toThrow(expect.objectContaining({ code: 'WEFT_STORE_LOCKED' }))
    } finally {
      writer.kill('SIGKILL')
      await writer.exited
    }
  })

  test('refuses a file that is not a database', async () => {
    const path = freshPath()
    await Bun.write(path, 'not a database, but long enough to be read as a header by SQLite'.repeat(100))
    expect(() => openSqliteStore(path)).toThrow(expect.objectContaining({ code: 'WEFT_STORE_OPEN' }))
  })

  test('keeps every answered commit, and whole commits only, when its process is killed', async () => {
    const path = freshPath()
    const writer = spawnWriter(path)
    const reader = writer.stdout.getReader()
    let output = ''
    while (output.split('\n').length < 50) output += new TextDecoder().decode((await reader.read()).value)
    writer.kill('SIGKILL')
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      output += new TextDecoder().decode(part.value)
    }
    await writer.exited
    const answered = Number(output.trim().split('\n').at(-1))
    const store = openSqliteStore(path)
    const { objects, revision } = await store.list('')
    expect(revision).toBeGreaterThanOrEqual(answered)
    const newest = objects.filter((object) => object.revision === revision).map((object) => object.value)
    expect(newest.map((value) => value.replace('v', ''))).toEqual([String(revision - 1), String(revision - 1)])
    await close(store)
  })
})
