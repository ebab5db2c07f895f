import { describe, expect, test } from 'bun:test'
import { peerIdentity } from './peer.ts'

const leaf = { uriNames: ['spiffe://cluster.local/ns/default/sa/reviews'], isAuthority: false, maySign: false }

describe('peerIdentity()', () => {
  test('answers the one URI name of a leaf', () => {
    const id = peerIdentity(leaf)
    expect(id.ok && id.value.path).toBe('/ns/default/sa/reviews')
  })

  test.each([
    ['a certificate of an authority', { ...leaf, isAuthority: true }],
    ['a key that may sign certificates', { ...leaf, maySign: true }],
    ['no URI name', { ...leaf, uriNames: [] }],
    ['two URI names', { ...leaf, uriNames: [...leaf.uriNames, 'spiffe://cluster.local/ns/default/sa/admin'] }],
    ['a malformed id', { ...leaf, uriNames: ['spiffe://cluster.local'] }],
  ])('refuses %s', (_name, certificate) => {
    expect(peerIdentity(certificate).ok).toBe(false)
  })
})
