import { decode, encode } from 'dns-packet'
import { createDnsServer, type DnsServer } from '../src/net/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const sentinelId = 0xbeef
const sentinel = encode({ type: 'query', id: sentinelId, questions: [{ type: 'A', name: 'sentinel.weft' }] })

interface Bench {
  readonly server: DnsServer
  /** Sends a message, then the sentinel; answers every reply until the sentinel's. */
  readonly ask: (message: Buffer) => Promise<readonly Buffer[]>
  readonly close: () => void
}

async function setUp(): Promise<Bench> {
  const names = new Map([
    ['sentinel.weft', ['127.0.0.1']],
    ['many', Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`)],
  ])
  // Without resolvers nothing is asked of others: what is not in the table fails.
  const answers = { names, ttlSeconds: 30, resolvers: [] }
  const made = await createDnsServer({ address: '127.0.0.1', port: 0, answers, systemResolvers: [] })
  if (!made.ok) throw made.error
  const server = made.value
  let replies: Buffer[] = []
  let done: (() => void) | undefined
  const client = await Bun.udpSocket({
    hostname: '127.0.0.1',
    connect: { hostname: '127.0.0.1', port: server.port },
    socket: {
      data: (_socket, bytes) => {
        replies.push(Buffer.from(bytes))
        if (bytes.readUInt16BE(0) === sentinelId) done?.()
      },
    },
  })
  return {
    server,
    async ask(message) {
      replies = []
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      done = resolve
      const timer = setTimeout(() => reject(new Error('the server answers no more')), 5_000)
      client.send(message)
      client.send(sentinel)
      await promise
      clearTimeout(timer)
      return replies.slice(0, -1)
    },
    close() {
      client.close()
      server.close()
    },
  }
}

let bench: Promise<Bench> | undefined

const seeds = [
  encode({ type: 'query', id: 1, flags: 256, questions: [{ type: 'A', name: 'many' }] }),
  encode({ type: 'query', id: 2, questions: [{ type: 'AAAA', name: 'sentinel.weft' }] }),
  encode({ type: 'query', id: 3, questions: [{ type: 'A', name: 'unknown.example' }] }),
  encode({
    type: 'query',
    id: 4,
    questions: [{ type: 'A', name: 'MANY' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 4096,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  }),
  encode({ type: 'response', id: 5, questions: [{ type: 'A', name: 'many' }] }),
]

/** The DNS server's handling of what comes in, over a real socket. */
export const dnsMessage: FuzzTarget = {
  name: 'dns-message',
  seeds,
  dictionary: [
    '\u0004many',
    '\u0000',
    '\u0000\u0001\u0000\u0001',
    '\u0000\u001c',
    '\u0008sentinel\u0004weft\u0000',
    '\u003f',
    '.',
  ],
  async run(input) {
    // An empty datagram is nothing, and one with the sentinel's number could not be told from it.
    if (input.length === 0 || (input.length >= 2 && input.readUInt16BE(0) === sentinelId)) return 'not sent'
    bench ??= setUp()
    const replies = await (await bench).ask(input)
    expectThat(replies.length <= 1, `${replies.length} replies to one message`)
    const [reply] = replies
    if (reply === undefined) return 'dropped'
    const packet = decode(reply)
    expectThat(packet.type === 'response', 'a reply that is no response')
    expectThat(packet.id === input.readUInt16BE(0), 'a reply to another question')
    expectThat((packet.answers ?? []).length <= 200, 'more answers than there are')
    expectThat(reply.length <= Math.max(512, input.length + 4096), `${reply.length} bytes`)
    return `${(packet.flags ?? 0) & 15} ${packet.answers?.length ?? 0} ${packet.questions?.length ?? 0}`
  },
  close() {
    void bench?.then((running) => running.close())
    bench = undefined
  },
}

if (import.meta.main) await fuzzFromCommandLine(dnsMessage)
