import { buildHelloMessage, toRecords } from '../src/wire/tls/client-hello.fixture.ts'
import { scanClientHello } from '../src/wire/tls/index.ts'
import { forEachCut } from './cuts.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const limit = 2048

const incomplete = '{"kind":"incomplete"}'

/** The reader of client hellos. */
export const clientHello: FuzzTarget = {
  name: 'client-hello',
  seeds: [
    toRecords(buildHelloMessage({ serverName: 'a.example', alpn: ['h2', 'http/1.1'] })),
    toRecords(buildHelloMessage({ serverName: 'a.example', alpn: ['h2'] }), 40),
    toRecords(buildHelloMessage({ bare: true })),
    toRecords(buildHelloMessage({ extensions: [[0x0a0a, []]] })),
  ].map((bytes) => Buffer.from(bytes)),
  dictionary: ['\x16\x03\x01', '\x01\x00', '\x00\x00', '\x00\x10', '\x02h2', '\x00\x00\x01a'],
  run(input, random, thorough) {
    const scan = scanClientHello(input, limit)
    const whole = JSON.stringify(scan)
    forEachCut(input.length, random, thorough, (nextLength) => {
      let length = 0
      let inPieces = incomplete
      while (length < input.length && inPieces === incomplete) {
        length = Math.min(input.length, length + nextLength())
        inPieces = JSON.stringify(scanClientHello(input.subarray(0, length), limit))
      }
      expectThat(whole === inPieces, `${whole} at once, ${inPieces} after ${length} octets`)
    })
    if (scan.kind === 'hello') {
      const { serverName, alpn } = scan.hello
      expectThat(serverName.length <= 255 && serverName === serverName.toLowerCase(), `name ${serverName}`)
      expectThat(
        alpn.every((protocol) => protocol.length > 0 && protocol.length < 256),
        `protocols ${alpn.join()}`,
      )
    }
    return scan.kind === 'hello' ? `${scan.hello.serverName.length} ${scan.hello.alpn.length}` : scan.kind
  },
}

if (import.meta.main) await fuzzFromCommandLine(clientHello)
