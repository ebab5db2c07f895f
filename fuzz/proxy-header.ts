import { scanProxyHeader, writeProxyHeader } from '../src/wire/proxy-protocol/index.ts'
import { forEachCut } from './cuts.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const limit = 512
const four = { source: { address: '192.0.2.1', port: 4000 }, destination: { address: '198.51.100.2', port: 443 } }
const six = { source: { address: '2001:db8::1', port: 1 }, destination: { address: '::ffff:1.2.3.4', port: 65_535 } }

/** The reader of PROXY protocol headers, both versions. */
export const proxyHeader: FuzzTarget = {
  name: 'proxy-header',
  seeds: [
    ...([1, 2] as const).flatMap((version) =>
      [four, six, undefined].map((ends) => Buffer.from(writeProxyHeader({ version, ends }))),
    ),
    Buffer.from('PROXY UNKNOWN ffff::1\r\n'),
    Buffer.from('GET / HTTP/1.1\r\n'),
  ],
  dictionary: [
    'PROXY TCP4 ',
    'PROXY TCP6 ',
    'UNKNOWN',
    '\r\n',
    '::',
    '::ffff:1.2.3.4',
    ' 65535',
    '\x21\x11',
    '\x20\x00',
    '\x04\x00\x01a',
  ],
  run(input, random, thorough) {
    const scan = scanProxyHeader(input, limit)
    const whole = JSON.stringify(scan)
    forEachCut(input.length, random, thorough, (nextLength) => {
      let length = 0
      let inPieces = scanProxyHeader(input.subarray(0, 0), limit)
      while (length < input.length && inPieces.kind === 'incomplete') {
        length = Math.min(input.length, length + nextLength())
        inPieces = scanProxyHeader(input.subarray(0, length), limit)
      }
      const text = JSON.stringify(inPieces)
      expectThat(whole === text, `${whole} at once, ${text} after ${length} octets`)
    })
    if (scan.kind !== 'header') return scan.kind === 'malformed' ? scan.message : scan.kind
    const { header } = scan
    expectThat(header.length <= input.length && header.length <= limit, `a header of ${header.length} octets`)
    // What was read means the same when it is written again, in either version.
    for (const version of [1, 2] as const) {
      const again = scanProxyHeader(writeProxyHeader({ version, ends: header.ends }), limit)
      expectThat(
        again.kind === 'header' && JSON.stringify(again.header.ends) === JSON.stringify(header.ends),
        `${JSON.stringify(header)} becomes ${JSON.stringify(again)}`,
      )
    }
    return `${header.version} ${header.ends?.source.address.includes(':')}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(proxyHeader)
