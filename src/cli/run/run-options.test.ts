import { describe, expect, test } from 'bun:test'
import { UsageError } from '../cli-error.ts'
import { parsedOptions } from '../parsed-options.ts'
import { parsePort, parseRunOptions } from './run-options.ts'

describe('parsePort()', () => {
  test.each([
    ['9080', { name: 'http', port: 9080, applicationPort: 9080 }],
    ['9080:auto', { name: 'http', port: 9080, applicationPort: 'auto' }],
    ['9080:3000', { name: 'http', port: 9080, applicationPort: 3000 }],
    ['web:9080:3000', { name: 'web', port: 9080, applicationPort: 3000 }],
    ['grpc-api:9080', { name: 'grpc-api', port: 9080, applicationPort: 9080 }],
  ] as const)('parsePort() reads %s', (text, expected) => {
    expect(parsePort(text)).toEqual(expected)
  })

  test.each(['', '0', '65536', 'x', '9080:', '9080:0', '9080:y', 'a:b:c', '1:2:3', 'UP:80'])(
    'parsePort() refuses %j',
    (text) => {
      expect(() => parsePort(text)).toThrow(UsageError)
    },
  )

  test.each([
    ['tcp', 'tcp'],
    ['http1', 'http'],
    ['http2', 'http2'],
    ['grpc', 'grpc'],
  ] as const)('parsePort() names a port of %s after its protocol', (protocol, name) => {
    expect(parsePort('5432', protocol).name).toBe(name)
  })
})

function parse(values: Record<string, unknown>, args: readonly string[] = ['true']) {
  return parseRunOptions({ options: parsedOptions({ service: 'reviews', ...values }), args })
}

describe('parseRunOptions()', () => {
  test('parseRunOptions() labels the workload with its service and version', () => {
    expect(parse({ version: 'v2', label: ['tier=back'] }).labels).toEqual({
      app: 'reviews',
      version: 'v2',
      tier: 'back',
    })
  })

  test('parseRunOptions() gives two ports of one name different ones', () => {
    expect(parse({ port: ['9080', '9090:auto'] }).ports.map(({ name }) => name)).toEqual(['http', 'http-9090'])
  })

  test('parseRunOptions() reads the protocol of all ports', () => {
    const { protocol, ports } = parse({ port: ['9090', 'web:9091'], protocol: 'grpc' })
    expect([protocol, ...ports.map(({ name }) => name)]).toEqual(['grpc', 'grpc', 'web'])
  })

  test('parseRunOptions() reads upstreams', () => {
    expect(parse({ upstream: ['mongodb:27017', 'db.prod.svc.cluster.local:5432'] }).upstreams).toEqual([
      { host: 'mongodb', port: 27_017 },
      { host: 'db.prod.svc.cluster.local', port: 5432 },
    ])
  })

  test.each([
    ['a service name in capitals', { service: 'Reviews' }],
    ['a port given twice', { port: ['9080', '9080:auto'] }],
    ['an upstream without a port', { upstream: ['mongodb'] }],
    ['a label without a value', { label: ['tier'] }],
    ['a negative weight', { weight: '-1' }],
    ['a ready path without a slash', { readyPath: 'health', port: ['9080'] }],
    ['a ready path without a port', { readyPath: '/health' }],
  ])('parseRunOptions() refuses %s', (_, values) => {
    expect(() => parse(values)).toThrow(UsageError)
  })
})
