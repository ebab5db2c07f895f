import { LineReader } from '../src/proxy/handover/line-reader.ts'
import { parseAnswer, parseMessage } from '../src/proxy/handover/messages.ts'
import { forEachCut } from './cuts.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

/** Messages of a connection, up to a line that is too long. */
function messagesOf(input: Buffer, nextLength: () => number): readonly string[] {
  const reader = new LineReader()
  const messages: string[] = []
  for (let at = 0; at < input.length;) {
    const end = Math.min(input.length, at + nextLength())
    const lines = reader.push(input.subarray(at, end))
    if (lines === undefined) return [...messages, 'too long']
    for (const line of lines) messages.push(JSON.stringify(parseMessage(line)) ?? 'none')
    at = end
  }
  return messages
}

const texts = [
  '{"say":"hello","pid":12}\n{"say":"take","socket":{"protocol":"tcp","name":"l","address":"0.0.0.0","port":80}}\n',
  '{"say":"release","socket":{"protocol":"udp","name":"\u00e9\u{1f600}","address":"::","port":0}}\n{"say":"ready"}\n',
  '{"say":"failed","reason":"no \\u0000 port"}\n{"port":80}\n{"error":"in use"}\n',
]

/** What processes say to each other when sockets are handed over. */
export const handoverMessage: FuzzTarget = {
  name: 'handover-message',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    '\n',
    '{"say":"',
    '"pid":',
    '"reason":',
    '{"toString":1,"valueOf":1}',
    '"__proto__":',
    '1e999',
    '-1',
    '0.5',
    '65536',
    'null',
    '[]',
    '"\\ud800"',
  ],
  run(input, random, thorough) {
    const whole = messagesOf(input, () => input.length)
    forEachCut(input.length, random, thorough, (nextLength) => {
      const pieces = messagesOf(input, nextLength)
      // How much of the messages before a line that is too long was seen depends on when it was seen.
      const same = whole.at(-1) === 'too long' ? pieces.at(-1) === 'too long' : whole.join() === pieces.join()
      expectThat(same, `${whole.join()} at once, ${pieces.join()} in pieces`)
    })
    for (const line of input.toString('utf8').split('\n')) {
      const { port, error } = parseAnswer(line)
      expectThat(port === undefined || (Number.isInteger(port) && port >= 0 && port < 65_536), `port ${port}`)
      expectThat(error === undefined || typeof error === 'string', 'an error that is no text')
      const message = parseMessage(line)
      if (message === undefined) continue
      const again = parseMessage(JSON.stringify(message))
      expectThat(JSON.stringify(again) === JSON.stringify(message), `${JSON.stringify(message)} is not read again`)
      if (message.say === 'hello')
        expectThat(Number.isInteger(message.pid) && message.pid > 0, `process ${message.pid}`)
      if (message.say === 'take' || message.say === 'release') {
        const named = message.socket.port
        expectThat(Number.isInteger(named) && named >= 0 && named < 65_536, `port ${named}`)
      }
    }
    return whole.map((message) => message.slice(0, 16)).join()
  },
}

if (import.meta.main) await fuzzFromCommandLine(handoverMessage)
