import { describe, expect, test } from 'bun:test'
import { type AddressPrefix, anyConnection, type FilterChainMatch } from '../config/index.ts'
import { createChainMatcher, type MatchedConnection } from './chain-matcher.ts'

function chain(name: string, match: Partial<FilterChainMatch>) {
  return { name, config: { match: { ...anyConnection, ...match } } }
}

function prefixes(...texts: string[]): readonly AddressPrefix[] {
  return texts.map((text) => {
    const [address = '', length = '0'] = text.split('/')
    return { address, length: Number(length) }
  })
}

const plain: MatchedConnection = {
  destinationAddress: '198.51.100.1',
  destinationPort: 80,
  serverName: '',
  transportProtocol: 'raw_buffer',
  applicationProtocols: [],
  directSourceAddress: '192.0.2.1',
  sourceAddress: '192.0.2.1',
  sourcePort: 40_000,
}

describe('createChainMatcher() by destination', () => {
  const toPort = (name: string, destinationPort: number, ...texts: string[]) =>
    chain(name, { destinationPort, destinationPrefixes: prefixes(...texts) })
  const match = createChainMatcher(
    [
      chain('any', {}),
      toPort('http', 80),
      toPort('http-ten', 80, '10.0.0.0/8'),
      toPort('http-ten-one', 80, '10.1.0.0/16', '192.168.1.1/32'),
      toPort('only-ten', 443, '10.0.0.0/8'),
      toPort('six', 6379, '2001:db8::/32'),
      toPort('whole', 9000, '0.0.0.0/0'),
    ],
    chain('default', {}),
  )

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
  ])('sends %s port %d to %s', (destinationAddress, destinationPort, expected) => {
    expect(match({ ...plain, destinationAddress, destinationPort })?.name).toBe(expected)
  })

  test('gives undefined when nothing matches and there is no default', () => {
    expect(createChainMatcher([toPort('x', 1)], undefined)(plain)).toBeUndefined()
  })
})

describe('createChainMatcher() by server name', () => {
  const match = createChainMatcher(
    [
      chain('exact', { serverNames: ['www.example.com', 'a'] }),
      chain('one level', { serverNames: ['.example.com'] }),
      chain('two levels', { serverNames: ['.a.example.com'], transportProtocol: 'tls' }),
      chain('top', { serverNames: ['.com'] }),
      chain('tls', { transportProtocol: 'tls' }),
    ],
    chain('default', {}),
  )
  test.each([
    ['www.example.com', 'exact'],
    ['a', 'exact'],
    ['b.example.com', 'one level'],
    ['x.a.example.com', 'two levels'],
    ['a.example.com', 'one level'],
    // A wildcard stands for one label at least.
    ['example.com', 'top'],
    ['.example.com', 'one level'],
    ['com', 'tls'],
    ['example.org', 'tls'],
    ['', 'tls'],
  ])('sends %p to %s', (serverName, expected) => {
    expect(match({ ...plain, serverName, transportProtocol: 'tls' })?.name).toBe(expected)
  })

  test('does not go back from a name whose other conditions fail', () => {
    expect(match({ ...plain, serverName: 'x.a.example.com' })?.name).toBe('default')
  })
})

test.each<[readonly string[], string]>([
  [['h2', 'http/1.1'], 'two'],
  [['http/1.1', 'h2'], 'one'],
  [['spdy/1', 'h2'], 'two'],
  [['spdy/1'], 'any'],
  [[], 'any'],
])('createChainMatcher() takes the first protocol that a chain has: %j to %s', (applicationProtocols, expected) => {
  const match = createChainMatcher(
    [
      chain('one', { applicationProtocols: ['http/1.0', 'http/1.1'] }),
      chain('two', { applicationProtocols: ['h2', 'h2c'] }),
      chain('any', {}),
    ],
    undefined,
  )
  expect(match({ ...plain, applicationProtocols })?.name).toBe(expected)
})

describe('createChainMatcher() by source', () => {
  const match = createChainMatcher(
    [
      chain('ten', { sourcePrefixes: prefixes('10.0.0.0/8') }),
      chain('ten, 5000', { sourcePrefixes: prefixes('10.0.0.0/8'), sourcePorts: [5000, 5001] }),
      chain('local', { sourceType: 'local' }),
      chain('local, 5000', { sourceType: 'local', sourcePorts: [5000] }),
      chain('external', { sourceType: 'external', sourcePrefixes: prefixes('172.16.0.0/12') }),
      chain('balancer', { directSourcePrefixes: prefixes('203.0.113.0/24') }),
      chain('balancer, local', { directSourcePrefixes: prefixes('203.0.113.0/24'), sourceType: 'local' }),
    ],
    chain('default', {}),
  )
  test.each<[Partial<MatchedConnection>, string]>([
    // The type decides before the address: an external source is looked up among the external ones only.
    [{ sourceAddress: '10.1.1.1' }, 'default'],
    [{ sourceAddress: '172.16.1.1' }, 'external'],
    [{ sourceAddress: '127.0.0.1' }, 'local'],
    [{ sourceAddress: '127.0.0.9' }, 'default'],
    [{ sourceAddress: '::1' }, 'local'],
    [{ sourceAddress: '198.51.100.1' }, 'local'],
    [{ sourceAddress: '127.0.0.1', sourcePort: 5000 }, 'local, 5000'],
    [{ directSourceAddress: '203.0.113.7' }, 'balancer'],
    [{ directSourceAddress: '203.0.113.7', sourceAddress: '10.1.1.1' }, 'balancer'],
    [{ directSourceAddress: '203.0.113.7', sourceAddress: '127.0.0.1' }, 'balancer, local'],
  ])('sends %j to %s', (connection, expected) => {
    expect(match({ ...plain, ...connection })?.name).toBe(expected)
  })

  test.each([
    [5000, 'ten, 5000'],
    [5002, 'ten'],
  ])('sends source port %d to %s', (sourcePort, expected) => {
    const sources = createChainMatcher(
      [
        chain('ten', { sourcePrefixes: prefixes('10.0.0.0/8') }),
        chain('ten, 5000', { sourcePrefixes: prefixes('10.1.2.3/8'), sourcePorts: [5000, 5001] }),
      ],
      undefined,
    )
    expect(sources({ ...plain, sourceAddress: '10.1.1.1', sourcePort })?.name).toBe(expected)
  })
})
