import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, encode, type Packet, type RecordType } from 'dns-packet'
import { createDnsServer, type DnsAnswers, type DnsServer, readSystemNameservers } from './dns-server.ts'
import { until } from './sockets.fixture.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const known: DnsAnswers = {
  names: new Map([['reviews.default.svc.cluster.local', ['240.240.0.1', '240.240.0.2']]]),
  ttlSeconds: 30,
  resolvers: [],
}

async function start(answers: DnsAnswers, systemResolvers: DnsAnswers['resolvers'] = []): Promise<DnsServer> {
  const made = await createDnsServer({ address: '127.0.0.1', port: 0, answers, systemResolvers })
  if (!made.ok) throw made.error
  closers.push(() => made.value.close())
  return made.value
}

/** Sends raw bytes; `answers` grows with every datagram that comes back. */
async function client(): Promise<{
  readonly send: (bytes: Uint8Array, port: number) => void
  readonly answers: Packet[]
}> {
  const answers: Packet[] = []
  const socket = await Bun.udpSocket({
    hostname: '127.0.0.1',
    socket: { data: (_socket, bytes) => void answers.push(decode(bytes)) },
  })
  closers.push(() => socket.close())
  return { send: (bytes, port) => void socket.send(bytes, port, '127.0.0.1'), answers }
}

function question(name: string, type: RecordType, id = 7, extra: Partial<Packet> = {}): Uint8Array {
  return encode({ type: 'query', id, flags: 0x100, questions: [{ name, type }], ...extra })
}

async function ask(port: number, name: string, type: RecordType): Promise<Packet> {
  const { send, answers } = await client()
  send(question(name, type), port)
  await until(() => answers.length === 1, 'the answer')
  const [answer] = answers
  if (answer === undefined) throw new Error('no answer')
  return answer
}

/** A resolver that answers every A question with one address; `seen` are the names. */
async function upstream(
  reply: (packet: Packet) => Packet | undefined,
): Promise<{ readonly port: number; readonly seen: string[] }> {
  const seen: string[] = []
  const socket = await Bun.udpSocket({
    hostname: '127.0.0.1',
    socket: {
      data: (own, bytes, port, address) => {
        const packet = decode(bytes)
        seen.push(packet.questions?.[0]?.name ?? '')
        const answer = reply(packet)
        if (answer !== undefined) own.send(encode(answer), port, address)
      },
    },
  })
  closers.push(() => socket.close())
  return { port: socket.port, seen }
}

function addressAnswer(packet: Packet, data = '192.0.2.7'): Packet {
  const name = packet.questions?.[0]?.name ?? ''
  return {
    type: 'response',
    id: packet.id ?? 0,
    questions: packet.questions ?? [],
    answers: [{ type: 'A', name, ttl: 5, data }],
  }
}

describe('names of the table', () => {
  test('createDnsServer() answers A, whatever the case of the name', async () => {
    const { port } = await start(known)
    const answer = await ask(port, 'Reviews.Default.svc.cluster.LOCAL', 'A')
    expect(answer.id).toBe(7)
    expect(answer.answers?.map((record) => (record.type === 'A' ? [record.data, record.ttl] : record))).toEqual([
      ['240.240.0.1', 30],
      ['240.240.0.2', 30],
    ])
  })

  test.each(['AAAA', 'MX', 'TXT'] as const)('createDnsServer() answers %s with an empty NOERROR', async (type) => {
    const { port } = await start(known)
    const answer = await ask(port, 'reviews.default.svc.cluster.local', type)
    expect(answer.answers).toEqual([])
    expect((answer.flags ?? 0) & 15).toBe(0)
  })

  test('setAnswers() counts from the next question', async () => {
    const server = await start(known)
    server.setAnswers({ ...known, names: new Map([['other', ['10.0.0.1']]]) })
    expect((await ask(server.port, 'other', 'A')).answers).toHaveLength(1)
  })

  test('an answer too long for plain UDP is cut to what fits', async () => {
    const many = Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`)
    const { port } = await start({ ...known, names: new Map([['many', many]]) })
    const { length } = (await ask(port, 'many', 'A')).answers ?? []
    expect(length).toBeGreaterThan(5)
    expect(length).toBeLessThan(40)
  })
})

describe('other names', () => {
  test('are asked of the upstream resolver, with an id of our own', async () => {
    const { port: resolver, seen } = await upstream((packet) => addressAnswer(packet))
    const { port } = await start(known, [{ address: '127.0.0.1', port: resolver }])
    const answer = await ask(port, 'example.org', 'A')
    expect(answer.id).toBe(7)
    expect(answer.answers?.[0]).toMatchObject({ data: '192.0.2.7' })
    expect(seen).toEqual(['example.org'])
  })

  test('an answer to another question or from another sender is not passed on', async () => {
    const { port: resolver } = await upstream((packet) => ({
      ...addressAnswer(packet),
      questions: [{ type: 'A', name: 'attacker.example' }],
    }))
    const { port } = await start(known, [{ address: '127.0.0.1', port: resolver }])
    const { send, answers } = await client()
    send(question('example.org', 'A'), port)
    send(question('reviews.default.svc.cluster.local', 'A', 8), port)
    await until(() => answers.length === 1, 'the known name')
    expect(answers.map(({ id }) => id)).toEqual([8])
  })

  test('without a resolver get SERVFAIL at once', async () => {
    const { port } = await start(known)
    expect(((await ask(port, 'example.org', 'A')).flags ?? 0) & 15).toBe(2)
  })

  test('beyond the bound of outstanding questions get SERVFAIL', async () => {
    const { port: resolver, seen } = await upstream(() => undefined)
    const { port } = await start(known, [{ address: '127.0.0.1', port: resolver }])
    const { send, answers } = await client()
    let sent = 0
    // UDP may drop: more than the bound are sent until the refusal comes.
    await until(() => {
      for (let burst = 0; burst < 64; burst += 1) send(question(`n${(sent += 1)}.example`, 'A', sent & 0xffff), port)
      return answers.length > 0
    }, 'the refusal')
    expect((answers[0]?.flags ?? 0) & 15).toBe(2)
    expect(seen.length).toBeLessThanOrEqual(1024)
  })
})

test('createDnsServer() drops what is no question and goes on', async () => {
  const { port } = await start(known)
  const { send, answers } = await client()
  const good = question('reviews.default.svc.cluster.local', 'A', 9)
  for (let length = 0; length < good.length; length += 1) send(good.slice(0, length), port)
  send(new Uint8Array(600).fill(255), port)
  send(encode({ type: 'response', id: 3, questions: [{ name: 'reviews', type: 'A' }] }), port)
  send(good, port)
  await until(() => answers.some(({ id, answers: records }) => id === 9 && records?.length === 2), 'the good answer')
  expect(answers.some(({ id }) => id === 3)).toBe(false)
})

test('createDnsServer() refuses several questions and other operations', async () => {
  const { port } = await start(known)
  const { send, answers } = await client()
  send(encode({ type: 'query', id: 1, flags: 4 << 11, questions: [{ name: 'a', type: 'A' }] }), port)
  const two = [
    { name: 'a', type: 'A' as const },
    { name: 'b', type: 'A' as const },
  ]
  send(encode({ type: 'query', id: 2, questions: two }), port)
  await until(() => answers.length === 2, 'both refusals')
  expect(answers.map(({ flags }) => (flags ?? 0) & 15)).toEqual([4, 4])
})

test('createDnsServer() repeats no question that it cannot write, and no more than one', async () => {
  const { port } = await start(known)
  const { send, answers } = await client()
  // A label of 63 octets that are no UTF-8: written from text it would be three times as long as a label may be.
  const odd = question('a'.repeat(63), 'A', 1).map((octet) => (octet === 0x61 ? 0xff : octet))
  send(odd, port)
  const many = Array.from({ length: 50 }, () => ({ name: 'reviews.default.svc.cluster.local', type: 'A' as const }))
  send(encode({ type: 'query', id: 2, questions: many }), port)
  await until(() => answers.length === 2, 'both refusals')
  expect(answers.map(({ id, flags, questions }) => [id, (flags ?? 0) & 15, questions])).toEqual([
    [1, 2, []],
    [2, 4, []],
  ])
})

test('readSystemNameservers() reads IPv4 servers and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-resolv-'))
  const file = join(folder, 'resolv.conf')
  writeFileSync(file, '# x\nnameserver 10.0.0.53\nsearch a.b\nnameserver fe80::1\n nameserver 1.1.1.1 \n')
  expect(readSystemNameservers(file)).toEqual([
    { address: '10.0.0.53', port: 53 },
    { address: '1.1.1.1', port: 53 },
  ])
  expect(readSystemNameservers(join(folder, 'none'))).toEqual([])
  rmSync(folder, { recursive: true })
})
