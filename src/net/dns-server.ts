import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Answer, decode, encode, type Packet, type Question } from 'dns-packet'
import { err, MeshError, ok, type Result } from '../base/index.ts'
import { NetLimits } from './limits.ts'

/** Names that a DNS server answers itself, and who answers the rest. */
export interface DnsAnswers {
  /** Lower-case name without trailing dot to its IPv4 addresses. */
  readonly names: ReadonlyMap<string, readonly string[]>
  readonly ttlSeconds: number
  /** Empty: the machine's own resolvers. */
  readonly resolvers: readonly DnsServerAddress[]
}

/** Address of a DNS server. */
export interface DnsServerAddress {
  readonly address: string
  readonly port: number
}

/** A running UDP DNS server. */
export interface DnsServer {
  readonly address: string
  readonly port: number
  /** Swaps the answers; questions under way finish with the resolvers they were sent to. */
  readonly setAnswers: (answers: DnsAnswers) => void
  readonly close: () => void
}

/** Where a DNS server listens; `systemResolvers` stands in for `/etc/resolv.conf` in tests. */
export interface DnsServerOptions {
  readonly address: string
  readonly port: number
  readonly answers: DnsAnswers
  readonly systemResolvers?: readonly DnsServerAddress[]
}

/** A question that an upstream resolver was asked. */
interface Forwarded {
  readonly clientAddress: string
  readonly clientPort: number
  readonly clientId: number
  readonly message: Buffer
  /** What the answer must repeat. */
  readonly question: string
  readonly resolvers: readonly DnsServerAddress[]
  attempt: number
  timer: ReturnType<typeof setTimeout>
}

/** UDP answers beyond this need EDNS (RFC 1035 section 4.2.1). */
const CLASSIC_UDP_BYTES = 512
/** Header of a DNS message: id, flags, four counts. */
const HEADER_BYTES = 12
const FLAG_AUTHORITATIVE = 1 << 10
const FLAG_RECURSION_DESIRED = 1 << 8
const FLAG_RECURSION_AVAILABLE = 1 << 7
const RCODE_SERVFAIL = 2
const RCODE_NOTIMP = 4

/**
 * Starts a DNS server on UDP: A questions for known names are answered, other types of known names are an empty NOERROR (a
 * client that asks AAAA first must go on to A), unknown names are asked of the upstream resolvers with bounded
 * outstanding questions. Error code `WEFT_NET_BIND`.
 */
export async function createDnsServer(options: DnsServerOptions): Promise<Result<DnsServer, MeshError>> {
  const state = new DnsState(options)
  try {
    const upstream = await Bun.udpSocket({
      hostname: '0.0.0.0',
      socket: { data: (_socket, bytes, port, address) => state.onUpstream(bytes, address, port) },
    })
    const server = await Bun.udpSocket({
      hostname: options.address,
      port: options.port,
      socket: { data: (_socket, bytes, port, address) => state.onQuestion(bytes, address, port) },
    })
    state.start(
      (message, address, port) => server.send(message, port, address),
      (message, address, port) => upstream.send(message, port, address),
      { address: options.address, port: server.port },
    )
    return ok({
      address: options.address,
      port: server.port,
      setAnswers: (answers) => state.setAnswers(answers),
      close: () => {
        state.close()
        server.close()
        upstream.close()
      },
    })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    return err(
      new MeshError('WEFT_NET_BIND', `Cannot listen on ${options.address}:${options.port} (UDP): ${text}`, { cause }),
    )
  }
}

/** Resolvers of `/etc/resolv.conf`, port 53; empty when there are none. */
export function readSystemNameservers(path = '/etc/resolv.conf'): readonly DnsServerAddress[] {
  try {
    const found = [...readFileSync(path, 'utf8').matchAll(/^\s*nameserver\s+([0-9.]+)\s*$/gm)]
    return found.flatMap(([, address]) => (address === undefined ? [] : [{ address, port: 53 }]))
  } catch {
    // No such file: names that are not in the table get SERVFAIL.
    return []
  }
}

type Send = (message: Uint8Array, address: string, port: number) => void

class DnsState {
  #answers: DnsAnswers
  readonly #systemResolvers: readonly DnsServerAddress[]
  readonly #forwarded = new Map<number, Forwarded>()
  #sendToClient: Send = () => undefined
  #sendUpstream: Send = () => undefined
  #self: DnsServerAddress = { address: '', port: 0 }

  constructor(options: DnsServerOptions) {
    this.#answers = options.answers
    this.#systemResolvers = options.systemResolvers ?? readSystemNameservers()
  }

  start(sendToClient: Send, sendUpstream: Send, self: DnsServerAddress): void {
    this.#sendToClient = sendToClient
    this.#sendUpstream = sendUpstream
    this.#self = self
  }

  setAnswers(answers: DnsAnswers): void {
    this.#answers = answers
  }

  close(): void {
    for (const { timer } of this.#forwarded.values()) clearTimeout(timer)
    this.#forwarded.clear()
  }

  onQuestion(bytes: Buffer, address: string, port: number): void {
    const packet = decodeOrUndefined(bytes)
    // What is not a question is dropped: an answer to it could only start a loop.
    if (packet === undefined || packet.type !== 'query') return
    const [question] = packet.questions ?? []
    const opcode = ((packet.flags ?? 0) >> 11) & 15
    if (question === undefined || packet.questions?.length !== 1 || opcode !== 0) {
      this.#fail(packet, RCODE_NOTIMP, address, port)
      return
    }
    const name = question.name.toLowerCase()
    const known = this.#answers.names.get(name)
    if (known === undefined) {
      this.#forward(bytes, packet, { address, port })
      return
    }
    const answers: Answer[] =
      question.type === 'A'
        ? known.map((data) => ({ type: 'A', name: question.name, ttl: this.#answers.ttlSeconds, data }))
        : []
    this.#sendToClient(encodeAnswer(packet, answers), address, port)
  }

  onUpstream(bytes: Buffer, address: string, port: number): void {
    if (bytes.length < HEADER_BYTES) return
    const id = bytes.readUInt16BE(0)
    const entry = this.#forwarded.get(id)
    const resolver = entry?.resolvers[entry.attempt % entry.resolvers.length]
    // Only the resolver that was asked may answer, with the question that it was asked.
    if (entry === undefined || resolver?.address !== address || resolver.port !== port) return
    const packet = decodeOrUndefined(bytes)
    if (packet === undefined || packet.type !== 'response' || questionKey(packet) !== entry.question) return
    clearTimeout(entry.timer)
    this.#forwarded.delete(id)
    const reply = Buffer.from(bytes)
    reply.writeUInt16BE(entry.clientId, 0)
    this.#sendToClient(reply, entry.clientAddress, entry.clientPort)
  }

  #forward(bytes: Buffer, packet: Packet, client: DnsServerAddress): void {
    const configured = this.#answers.resolvers.length > 0 ? this.#answers.resolvers : this.#systemResolvers
    const resolvers = configured.filter(
      ({ address, port }) => address !== this.#self.address || port !== this.#self.port,
    )
    if (resolvers.length === 0 || this.#forwarded.size >= NetLimits.dnsQueriesOutstanding) {
      this.#fail(packet, RCODE_SERVFAIL, client.address, client.port)
      return
    }
    let id = randomInt(0x10000)
    while (this.#forwarded.has(id)) id = (id + 1) & 0xffff
    const message = Buffer.from(bytes)
    message.writeUInt16BE(id, 0)
    const entry: Forwarded = {
      clientAddress: client.address,
      clientPort: client.port,
      clientId: packet.id ?? 0,
      message,
      question: questionKey(packet),
      resolvers,
      attempt: -1,
      timer: setTimeout(() => undefined, 0),
    }
    this.#forwarded.set(id, entry)
    this.#tryNext(id, entry, packet)
  }

  #tryNext(id: number, entry: Forwarded, packet: Packet): void {
    entry.attempt += 1
    const resolver = entry.resolvers[entry.attempt % entry.resolvers.length]
    if (resolver === undefined || entry.attempt >= Math.max(2, entry.resolvers.length)) {
      this.#forwarded.delete(id)
      this.#fail(packet, RCODE_SERVFAIL, entry.clientAddress, entry.clientPort)
      return
    }
    clearTimeout(entry.timer)
    entry.timer = setTimeout(() => this.#tryNext(id, entry, packet), NetLimits.dnsUpstreamTimeoutMs)
    this.#sendUpstream(entry.message, resolver.address, resolver.port)
  }

  #fail(packet: Packet, rcode: number, address: string, port: number): void {
    this.#sendToClient(encodeReply(packet, [], rcode), address, port)
  }
}

/** As many addresses as fit what the client can take; a client that got some of them has what it needs. */
function encodeAnswer(packet: Packet, answers: readonly Answer[]): Uint8Array {
  const edns = packet.additionals?.find((record) => record.type === 'OPT')
  const room = Math.max(CLASSIC_UDP_BYTES, edns?.type === 'OPT' ? (edns.udpPayloadSize ?? 0) : 0)
  let count = answers.length
  for (;;) {
    const message = encodeReply(packet, answers.slice(0, count), 0)
    if (message.length <= room || count === 0) return message
    count = Math.floor(count / 2)
  }
}

function encodeReply(packet: Packet, answers: readonly Answer[], rcode: number): Uint8Array {
  return encode({
    type: 'response',
    id: packet.id ?? 0,
    flags:
      (rcode === 0 ? FLAG_AUTHORITATIVE : 0) |
      ((packet.flags ?? 0) & FLAG_RECURSION_DESIRED) |
      FLAG_RECURSION_AVAILABLE |
      rcode,
    questions: repeatable(packet),
    answers: [...answers],
  })
}

/**
 * The question to repeat in a reply. Octets beyond ASCII do not come out of the decoder as they went in, and several questions that
 * point to one name would make a reply many times as long as the message: such replies go without.
 */
function repeatable({ questions = [] }: Packet): Question[] {
  return questions.length === 1 && questions.every(({ name }) => !/[^ -~]/.test(name)) ? questions : []
}

function questionKey(packet: Packet): string {
  return (packet.questions ?? []).map(({ name, type }) => `${name.toLowerCase()} ${type}`).join()
}

function decodeOrUndefined(bytes: Buffer): Packet | undefined {
  try {
    return decode(bytes)
  } catch {
    // Malformed messages are dropped, as every DNS server does.
    return undefined
  }
}
