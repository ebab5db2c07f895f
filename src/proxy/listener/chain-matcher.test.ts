import { describe, expect, test } from 'bun:test'
import type { FilterChainMatch } from '../config/index.ts'
import { createChainMatcher } from './chain-matcher.ts'

function chain(name: string, destinationPort: number | undefined, ...prefixes: string[]) {
  const match: FilterChainMatch = {
    destinationPort,
    destinationPrefixes: prefixes.map((prefix) => {
      const [address = '', length = '0'] = prefix.split('/')
      return { address, length: Number(length) }
    }),
  }
  return { name, config: { match } }
}

describe('createChainMatcher()', () => {
  const chains = [
    chain('any', undefined),
    chain('http', 80),
    chain('http-ten', 80, '10.0.0.0/8'),
    chain('http-ten-one', 80, '10.1.0.0/16', '192.168.1.1/32'),
    chain('only-ten', 443, '10.0.0.0/8'),
    chain('six', 6379, '2001:db8::/32'),
    chain('whole', 9000, '0.0.0.0/0'),
  ]
  const match = createChainMatcher(chains, chain('default', undefined))

  test.each([
    ['1.2.3.4', 80, 'http'],
    ['10.2.3.4', 80, 'http-ten'],
    ['10.1.3.4', 80, 'http-ten-one'],
    ['192.168.1.1', 80, 'http-ten-one'],
    ['192.168.1.2', 80, 'http'],
    ['10.9.9.9', 443, 'only-ten'],
    // A port that is named is never looked up among the others, as in Envoy.
    ['11.9.9.9', 443, 'default'],
    ['1.2.3.4', 81, 'any'],
    ['2001:db8:1::5', 6379, 'six'],
    ['2001:db9::5', 6379, 'default'],
    ['1.2.3.4', 6379, 'default'],
    ['8.8.8.8', 9000, 'whole'],
    ['::1', 9000, 'default'],
    ['not an address', 443, 'default'],
  ])('sends %s port %d to %s', (address, port, expected) => {
    expect(match(address, port)?.name).toBe(expected)
  })

  test('gives undefined when nothing matches and there is no default', () => {
    expect(createChainMatcher([chain('x', 1)], undefined)('1.2.3.4', 2)).toBeUndefined()
  })
})
