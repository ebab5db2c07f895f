import { describe, expect, test } from 'bun:test'
import { hostPatterns, parseAuthority, qualifiedHosts, spellingsOf } from './host-patterns.ts'

describe('hostPatterns()', () => {
  test('goes from the host to its wildcards to everything', () => {
    expect(hostPatterns('a.b.c')).toEqual(['a.b.c', '*.b.c', '*.c', '*'])
  })

  test('starts with the wildcard itself and never repeats it', () => {
    expect(hostPatterns('*.b.c')).toEqual(['*.b.c', '*.c', '*'])
    expect(hostPatterns('*')).toEqual(['*'])
  })
})

describe('parseAuthority()', () => {
  test.each([
    ['reviews', { host: 'reviews', port: undefined }],
    ['Reviews.Default:9080', { host: 'reviews.default', port: 9080 }],
    ['reviews.default.', { host: 'reviews.default', port: undefined }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['10.0.0.1:1', { host: '10.0.0.1', port: 1 }],
  ])('reads %s', (text, expected) => {
    expect(parseAuthority(text)).toEqual(expected)
  })

  test.each(['', ':80', 'a:', 'a:b', 'a:0', 'a:65536', 'a:999999', 'a b', 'a/b', 'user@a', '::1', '[::1', '.'])(
    'refuses "%s"',
    (text) => {
      expect(parseAuthority(text)).toBeUndefined()
    },
  )
})

describe('qualifiedHosts()', () => {
  test.each([
    ['reviews', ['reviews', 'reviews.default.svc.cluster.local']],
    ['reviews.other', ['reviews.other', 'reviews.other.svc.cluster.local']],
    ['reviews.other.svc', ['reviews.other.svc', 'reviews.other.svc.cluster.local']],
    ['www.example.com', ['www.example.com']],
  ])('completes %s', (host, expected) => {
    expect(qualifiedHosts(host, 'default', 'svc.cluster.local')).toEqual(expected)
  })
})

describe('spellingsOf()', () => {
  test('gives the bare name only to the namespace of the service', () => {
    const host = 'reviews.default.svc.cluster.local'
    expect(spellingsOf(host, 'default', 'svc.cluster.local').at(-1)).toBe('reviews')
    expect(spellingsOf(host, 'other', 'svc.cluster.local')).not.toContain('reviews')
  })

  test('leaves hosts of other domains and wildcards alone', () => {
    expect(spellingsOf('api.example.com', 'default', 'svc.cluster.local')).toEqual(['api.example.com'])
    expect(spellingsOf('*.default.svc.cluster.local', 'default', 'svc.cluster.local')).toHaveLength(1)
  })
})
