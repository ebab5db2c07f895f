import { describe, expect, test } from 'bun:test'
import { assert, oneof, property, string } from 'fast-check'
import { formatSpiffeId, parseSpiffeId, spiffeIdOf, trustDomainPrefix, workloadAccountOf } from './spiffe-id.ts'

describe('parseSpiffeId()', () => {
  test('reads trust domain and path', () => {
    const id = parseSpiffeId('spiffe://cluster.local/ns/default/sa/reviews')
    expect(id).toEqual({ ok: true, value: { trustDomain: 'cluster.local', path: '/ns/default/sa/reviews' } } as never)
  })

  test.each([
    ['empty', '', 'scheme'],
    ['another scheme', 'https://cluster.local/ns/a/sa/b', 'scheme'],
    ['upper-case scheme', 'SPIFFE://cluster.local/ns/a/sa/b', 'scheme'],
    ['no path', 'spiffe://cluster.local', 'path'],
    ['only a slash', 'spiffe://cluster.local/', 'path'],
    ['trailing slash', 'spiffe://cluster.local/ns/a/sa/b/', 'path'],
    ['empty segment', 'spiffe://cluster.local/ns//sa/b', 'path'],
    ['dot segment', 'spiffe://cluster.local/ns/./sa/b', 'path'],
    ['dot-dot segment', 'spiffe://cluster.local/ns/a/../b', 'path'],
    ['percent escape', 'spiffe://cluster.local/ns/%2e%2e/sa/b', 'path'],
    ['query', 'spiffe://cluster.local/ns/a/sa/b?x=1', 'path'],
    ['fragment', 'spiffe://cluster.local/ns/a/sa/b#x', 'path'],
    ['line feed', 'spiffe://cluster.local/ns/a/sa/b\n', 'path'],
    ['non-ASCII', 'spiffe://cluster.local/ns/a/sa/\u0441', 'path'],
    ['upper-case trust domain', 'spiffe://Cluster.local/ns/a/sa/b', 'trust-domain'],
    ['empty trust domain', 'spiffe:///ns/a/sa/b', 'trust-domain'],
    ['port', 'spiffe://cluster.local:443/ns/a/sa/b', 'trust-domain'],
    ['user', 'spiffe://me@cluster.local/ns/a/sa/b', 'trust-domain'],
    ['query in the trust domain', 'spiffe://cluster.local?/ns/a/sa/b', 'trust-domain'],
    ['over 2048 bytes', `spiffe://cluster.local/ns/a/sa/${'b'.repeat(2048)}`, 'length'],
  ])('refuses %s', (_name, text, part) => {
    const id = parseSpiffeId(text)
    expect(id.ok ? 'accepted' : id.error.part).toBe(part as never)
  })

  test('round-trips whatever it accepts', () => {
    assert(
      property(
        oneof(
          string(),
          string().map((text) => `spiffe://a/${text}`),
        ),
        (text) => {
          const id = parseSpiffeId(text)
          if (id.ok) expect(formatSpiffeId(id.value)).toBe(text)
        },
      ),
    )
  })
})

describe('spiffeIdOf()', () => {
  test('spells namespace and service account', () => {
    expect(spiffeIdOf('cluster.local', 'default', 'reviews')).toBe('spiffe://cluster.local/ns/default/sa/reviews')
  })

  test('throws when a part would change the structure', () => {
    expect(() => spiffeIdOf('cluster.local', 'default/sa/admin', 'x')).toThrow('Not a SPIFFE id')
    expect(() => spiffeIdOf('cluster.local', '..', 'x')).toThrow('Not a SPIFFE id')
  })
})

describe('workloadAccountOf()', () => {
  test('names namespace and account, or nothing for another path', () => {
    const account = (text: string): unknown => {
      const id = parseSpiffeId(text)
      return id.ok ? workloadAccountOf(id.value) : 'refused'
    }
    expect(account('spiffe://td/ns/a/sa/b')).toEqual({ namespace: 'a', serviceAccount: 'b' })
    expect(account('spiffe://td/ns/a/sa/b/c')).toBeUndefined()
    expect(account('spiffe://td/workload/b')).toBeUndefined()
  })
})

test('trustDomainPrefix() ends in a slash, so that no longer domain shares it', () => {
  expect('spiffe://cluster.local.evil/ns/a/sa/b'.startsWith(trustDomainPrefix('cluster.local'))).toBe(false)
})
