import { describe, expect, test } from 'bun:test'
import { createMemoryStore } from '../store/memory/index.ts'
import { createJoinTokens, joinTokenLifetimeMs } from './join-tokens.ts'

function setup() {
  let now = 1_000_000
  const store = createMemoryStore()
  const tokens = createJoinTokens(store, { now: () => now, monotonic: () => now })
  const claims = { workloadId: 'reviews-v1-1', spiffeId: 'spiffe://cluster.local/ns/default/sa/reviews' }
  const create = async () => {
    const created = await tokens.create(claims)
    if (!created.ok) throw created.error
    return created.value
  }
  return { store, tokens, claims, create, advance: (ms: number) => void (now += ms) }
}
const refused = { ok: false, error: { code: 'WEFT_CA_JOIN_TOKEN' } }

describe('createJoinTokens()', () => {
  test('redeem() answers what the token was bound to, once', async () => {
    const { tokens, claims, create } = setup()
    const token = await create()
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(await tokens.redeem(token)).toEqual({ ok: true, value: claims })
    expect(await tokens.redeem(token)).toMatchObject(refused)
  })

  test('redeem() lets one of two racing users win', async () => {
    const { tokens, create } = setup()
    const token = await create()
    const results = await Promise.all([tokens.redeem(token), tokens.redeem(token)])
    expect(results.filter((result) => result.ok).length).toBe(1)
  })

  test('redeem() refuses an expired token', async () => {
    const { tokens, create, advance } = setup()
    const token = await create()
    advance(joinTokenLifetimeMs)
    expect(await tokens.redeem(token)).toMatchObject(refused)
  })

  test('redeem() refuses what was never a token', async () => {
    const { tokens, create } = setup()
    const token = await create()
    for (const wrong of ['', 'x', `${token}x`, token.slice(1), '../resources/x']) {
      expect(await tokens.redeem(wrong)).toMatchObject(refused)
    }
  })

  test('the store never holds a token itself', async () => {
    const { store, create } = setup()
    const token = await create()
    const { objects } = await store.list('')
    expect(objects.length).toBe(1)
    expect(JSON.stringify(objects)).not.toContain(token)
  })

  test('create() clears away expired tokens', async () => {
    const { store, create, advance } = setup()
    await create()
    await create()
    advance(joinTokenLifetimeMs + 1)
    await create()
    expect((await store.list('')).objects.length).toBe(1)
  })
})
