/** The contract of `Store` as tests. Every implementation runs it from its own `*.test.ts`; not part of the product. */
import { afterEach, describe, expect, test } from 'bun:test'
import type { HistoryLimits } from './retention.ts'
import { type Change, CompactedError, ConflictError, type Store, type StoredObject } from './store.ts'

/** How the suite opens a fresh, empty store. */
export type OpenStore = (options?: { readonly history?: HistoryLimits }) => Store | Promise<Store>

/** Runs the whole contract against the stores that `open` makes. */
export function storeContract(name: string, open: OpenStore): void {
  const stores: Store[] = []
  const fresh: OpenStore = async (options) => {
    const store = await open(options)
    stores.push(store)
    return store
  }
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
  })
  describe(`${name} store`, () => {
    readsAndWrites(fresh)
    conflicts(fresh)
    watches(fresh)
    bounds(fresh)
  })
}

const put = (key: string, value: string, expectedRevision?: number) =>
  expectedRevision === undefined
    ? ({ kind: 'put', key, value } as const)
    : ({ kind: 'put', key, value, expectedRevision } as const)
const remove = (key: string) => ({ kind: 'delete', key }) as const
const keys = (objects: readonly StoredObject[]) => objects.map((object) => object.key)
const summary = (changes: readonly Change[]) =>
  changes.map((change) =>
    change.kind === 'put'
      ? `${change.revision} put ${change.object.key}=${change.object.value}`
      : `${change.revision} delete ${change.key}`,
  )

/** Collects `count` commits of a watch, then aborts it. */
async function collect(store: Store, prefix: string, from: number, count: number): Promise<string[][]> {
  const abort = new AbortController()
  const commits: string[][] = []
  for await (const changes of store.watch(prefix, from, abort.signal)) {
    commits.push(summary(changes))
    if (commits.length === count) abort.abort()
  }
  return commits
}

function readsAndWrites(fresh: OpenStore): void {
  test('get() answers undefined for a key that is not there', async () => {
    const store = await fresh()
    expect(await store.get('a')).toBeUndefined()
    expect(await store.list('')).toEqual({ objects: [], revision: 0 })
  })

  test('commit() counts revisions by one and keeps the revision of creation', async () => {
    const store = await fresh()
    expect(await store.commit([put('a', '1'), put('b', '1')])).toBe(1)
    expect(await store.commit([put('a', '2')])).toBe(2)
    expect(await store.get('a')).toEqual({ key: 'a', value: '2', createRevision: 1, revision: 2 })
    expect(await store.get('b')).toEqual({ key: 'b', value: '1', createRevision: 1, revision: 1 })
  })

  test('commit() of a key deleted before creates it anew', async () => {
    const store = await fresh()
    await store.commit([put('a', '1')])
    await store.commit([remove('a')])
    expect(await store.get('a')).toBeUndefined()
    await store.commit([put('a', '2')])
    expect(await store.get('a')).toEqual({ key: 'a', value: '2', createRevision: 3, revision: 3 })
  })

  test('commit() takes no revision when it changes nothing', async () => {
    const store = await fresh()
    await store.commit([put('a', '1')])
    expect(await store.commit([])).toBe(1)
    expect(await store.commit([remove('absent')])).toBe(1)
    expect(await store.commit([put('a', '1')])).toBe(1)
    expect((await store.get('a'))?.revision).toBe(1)
  })

  test('list() is sorted and takes whole prefixes only', async () => {
    const store = await fresh()
    await store.commit([put('r/b', '1'), put('r/a', '1'), put('s/a', '1'), put('r', '1'), put('r/~', '1')])
    const { objects, revision } = await store.list('r/')
    expect(keys(objects)).toEqual(['r/a', 'r/b', 'r/~'])
    expect(revision).toBe(1)
    expect(keys((await store.list('')).objects)).toEqual(['r', 'r/a', 'r/b', 'r/~', 's/a'])
  })

  test('values keep every character', async () => {
    const store = await fresh()
    const value = 'line\n\ttab "quoted" \u00e9 \u{1f980} \u0001'
    await store.commit([put('a', value), put('empty', '')])
    expect((await store.get('a'))?.value).toBe(value)
    expect((await store.get('empty'))?.value).toBe('')
  })
}

function conflicts(fresh: OpenStore): void {
  test('commit() changes nothing at all when one expectation fails', async () => {
    const store = await fresh()
    await store.commit([put('a', '1')])
    await expect(store.commit([put('b', '1'), put('a', '2', 7)])).rejects.toThrow(ConflictError)
    expect(await store.get('b')).toBeUndefined()
    expect((await store.get('a'))?.value).toBe('1')
    expect((await store.list('')).revision).toBe(1)
  })

  test('commit() with expectedRevision 0 only creates', async () => {
    const store = await fresh()
    await store.commit([put('a', '1', 0)])
    await expect(store.commit([put('a', '2', 0)])).rejects.toMatchObject({ code: 'WEFT_STORE_CONFLICT' })
  })

  test('commit() with the right expectedRevision writes and deletes', async () => {
    const store = await fresh()
    await store.commit([put('a', '1')])
    await store.commit([put('a', '2', 1)])
    await expect(store.commit([{ kind: 'delete', key: 'a', expectedRevision: 1 }])).rejects.toThrow(ConflictError)
    expect(await store.commit([{ kind: 'delete', key: 'a', expectedRevision: 2 }])).toBe(3)
  })

  test('commit() lets one of two racing writers win', async () => {
    const store = await fresh()
    const results = await Promise.allSettled([store.commit([put('a', 'x', 0)]), store.commit([put('a', 'y', 0)])])
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected'])
  })
}

function watches(fresh: OpenStore): void {
  test('watch() gives one array for each commit, only of its prefix', async () => {
    const store = await fresh()
    await store.commit([put('r/a', '1'), put('s/a', '1'), put('r/b', '1')])
    await store.commit([put('s/a', '2')])
    await store.commit([remove('r/a'), put('r/b', '2')])
    expect(await collect(store, 'r/', 0, 2)).toEqual([
      ['1 put r/a=1', '1 put r/b=1'],
      ['3 delete r/a', '3 put r/b=2'],
    ])
  })

  test('watch() resumes after a revision and sees later commits', async () => {
    const store = await fresh()
    await store.commit([put('a', '1')])
    await store.commit([put('a', '2')])
    const seen = collect(store, '', 1, 3)
    await store.commit([put('a', '3')])
    await store.commit([remove('a')])
    expect(await seen).toEqual([['2 put a=2'], ['3 put a=3'], ['4 delete a']])
  })

  test('watch() and list() together miss nothing', async () => {
    const store = await fresh()
    await store.commit([put('a', '1')])
    const { revision } = await store.list('')
    await store.commit([put('b', '1')])
    expect(await collect(store, '', revision, 1)).toEqual([['2 put b=1']])
  })

  test('watch() ends without an error when its signal aborts', async () => {
    const store = await fresh()
    const abort = new AbortController()
    const iterator = store.watch('', 0, abort.signal)[Symbol.asyncIterator]()
    const waiting = iterator.next()
    abort.abort()
    expect((await waiting).done).toBe(true)
    const aborted = store.watch('', 0, abort.signal)[Symbol.asyncIterator]()
    expect((await aborted.next()).done).toBe(true)
  })

  test('watch() ends when the store closes, and calls after that fail', async () => {
    const store = await fresh()
    const iterator = store.watch('', 0, new AbortController().signal)[Symbol.asyncIterator]()
    const waiting = iterator.next()
    await store[Symbol.asyncDispose]()
    expect((await waiting).done).toBe(true)
    await expect(store.get('a')).rejects.toMatchObject({ code: 'WEFT_STORE_CLOSED' })
    await expect(store.commit([put('a', '1')])).rejects.toMatchObject({ code: 'WEFT_STORE_CLOSED' })
  })

  test('watch() serves several watchers at their own pace', async () => {
    const store = await fresh()
    const fast = collect(store, '', 0, 3)
    const slow = store.watch('', 0, new AbortController().signal)[Symbol.asyncIterator]()
    for (const value of ['1', '2', '3']) await store.commit([put('a', value)])
    expect((await fast).length).toBe(3)
    expect(summary((await slow.next()).value ?? [])).toEqual(['1 put a=1'])
    expect(summary((await slow.next()).value ?? [])).toEqual(['2 put a=2'])
    await slow.return?.()
  })
}

function bounds(fresh: OpenStore): void {
  test('watch() of compacted history fails and tells to list again', async () => {
    const store = await fresh({ history: { commits: 2, bytes: 1024 } })
    for (const value of ['1', '2', '3', '4']) await store.commit([put('a', value)])
    await expect(collect(store, '', 1, 1)).rejects.toThrow(CompactedError)
    expect(await collect(store, '', 2, 2)).toEqual([['3 put a=3'], ['4 put a=4']])
  })

  test('watch() of a slow watcher fails once its place in the history is gone, and holds no queue', async () => {
    const store = await fresh({ history: { commits: 8, bytes: 1024 } })
    await store.commit([put('a', 'first')])
    const slow = store.watch('', 0, new AbortController().signal)[Symbol.asyncIterator]()
    expect((await slow.next()).done).toBe(false)
    for (let index = 0; index < 100; index++) await store.commit([put('a', String(index))])
    await expect(slow.next()).rejects.toThrow(CompactedError)
  })

  test('history is bounded by bytes as well', async () => {
    const store = await fresh({ history: { commits: 100, bytes: 1000 } })
    for (const letter of ['a', 'b', 'c']) await store.commit([put('a', letter.repeat(600))])
    await expect(collect(store, '', 1, 1)).rejects.toThrow(CompactedError)
    expect((await collect(store, '', 2, 1)).length).toBe(1)
  })

  test('watch() from a revision that was never reached fails', async () => {
    const store = await fresh()
    await expect(collect(store, '', 5, 1)).rejects.toThrow(CompactedError)
  })

  test.each([
    ['an empty key', [put('', '1')]],
    ['a key with a space', [put('a b', '1')]],
    ['a key outside ASCII', [put('\u00e9', '1')]],
    ['a key twice', [put('a', '1'), remove('a')]],
    ['a value over 1 MiB', [put('a', 'x'.repeat(1024 * 1024 + 1))]],
  ])('commit() refuses %s', async (_, operations) => {
    const store = await fresh()
    await expect(store.commit(operations)).rejects.toMatchObject({ code: 'WEFT_STORE_INVALID' })
    expect((await store.list('')).revision).toBe(0)
  })
}
