import { expect, test } from 'bun:test'
import { UsageError } from './cli-error.ts'
import { findKind } from './kinds.ts'

test.each([
  ['vs', 'VirtualService'],
  ['VirtualServices', 'VirtualService'],
  ['serviceentries', 'ServiceEntry'],
  ['destinationrule.networking.istio.io', 'DestinationRule'],
  ['svc', 'Service'],
  ['deploy', 'Deployment'],
])('findKind() knows %s', (text, kind) => {
  expect(findKind(text).kind).toBe(kind)
})

test('findKind() names the kinds when there is none of that name', () => {
  expect(() => findKind('ingress')).toThrow(UsageError)
})
