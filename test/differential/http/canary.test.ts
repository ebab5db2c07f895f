/** Two clients share the pooled connections to one upstream; whatever one of them sends, the other gets its own answers. */
import { expect, test } from 'bun:test'
import { connect, createServer, type AddressInfo } from 'node:net'

import { caseName, toBootstrap } from './bootstrap.ts'
import type { HttpCase } from './case.ts'
import { hostileRequests } from './cases/hostile-requests.ts'
import { hostileResponses } from './cases/hostile-responses.ts'
import { readMessages, valueOf } from './messages.ts'
import { startWeft } from './proxies.ts'

/** One connection for all: a byte too many on it would reach the other client. */
const shared: HttpCase = {
  name: 'canary',
  steps: [],
  cluster: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } },
}

/** The bytes of the attacks of the other tests, as far as they come in one write. */
const attacks = hostileRequests.flatMap(({ steps }) => {
  const first = typeof steps === 'string' ? undefined : steps[0]
  return first?.kind === 'send' ? [first.text] : []
})

/** What broken upstreams answer. */
const badAnswers = hostileResponses.flatMap(({ answers }) => {
  const text = answers?.[0]?.on === 'connect' ? undefined : answers?.[0]?.send
  return text === undefined ? [] : [text]
})

const canaryPath = /^GET (\/canary\/\d+) /

/** Answers with the path of the request; a request for `/bad/N` with the broken answer of that number. */
async function startUpstream(): Promise<{ readonly port: number; readonly close: () => void }> {
  const server = createServer((socket) => {
    let raw = ''
    let answered = 0
    socket.on('error', () => {})
    socket.on('data', (part) => {
      raw += part.toString('latin1')
      const { messages } = readMessages(raw, { side: 'requests', ended: false })
      for (const message of messages.slice(answered)) {
        if (!message.complete) break
        answered += 1
        const path = message.start.split(' ')[1] ?? ''
        const bad = /^\/bad\/(\d+)$/.exec(path)?.[1]
        const answer = bad === undefined ? undefined : badAnswers[Number(bad)]
        socket.write(
          answer ?? `HTTP/1.1 200 OK\r\nx-path: ${path}\r\ncontent-length: ${path.length}\r\n\r\n${path}`,
          'latin1',
        )
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

/** Sends octets on a connection of its own and resolves when something came back or the connection ended. */
function attack(port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes, 'latin1'))
    const done = (): void => {
      socket.destroy()
      resolve()
    }
    // What is incomplete is left alone by the proxy: the attacker goes away.
    socket.setTimeout(100, done)
    socket.on('data', done)
    socket.on('end', done)
    socket.on('error', done)
  })
}

/** Asks for a path of its own, over and over on one connection, and keeps what is not the answer to it. */
class Canary {
  readonly wrong: string[] = []
  answers = 0
  #raw = ''
  #ended = false
  #wake: () => void = () => {}
  readonly #socket: ReturnType<typeof connect>

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port })
    this.#socket.on('data', (part) => {
      this.#raw += part.toString('latin1')
      this.#wake()
    })
    const ended = (): void => {
      this.#ended = true
      this.#wake()
    }
    this.#socket.on('close', ended)
    this.#socket.on('error', ended)
  }

  async ask(number: number): Promise<void> {
    const line = `GET /canary/${number} HTTP/1.1`
    const path = canaryPath.exec(line)?.[1] ?? ''
    this.#raw = ''
    this.#socket.write(`${line}\r\nHost: app.test\r\n\r\n`)
    for (;;) {
      const { messages, rest } = readMessages(this.#raw, { side: 'responses', ended: this.#ended })
      const message = messages[0]
      if (message?.complete === true || this.#ended) {
        this.answers += 1
        const right =
          message?.start === 'HTTP/1.1 200 OK' && message.body === path && valueOf(message, 'x-path') === path
        if (!right || messages.length > 1 || rest !== '') this.wrong.push(`${path}: ${this.#raw}`)
        return
      }
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

test('a client never sees an answer that is not its own while another attacks', async () => {
  const upstream = await startUpstream()
  await using proxy = await startWeft((admin) => toBootstrap([shared], { admin, upstreams: [upstream.port] }), 1)
  const port = proxy.port(caseName(0))
  const canary = new Canary(port)
  const bad = badAnswers.map((_, index) => `GET /bad/${index} HTTP/1.1\r\nHost: evil.test\r\n\r\n`)
  const waiting = [...attacks, ...bad]
  expect(waiting.length).toBeGreaterThan(150)
  const attackers = Array.from({ length: 4 }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await attack(port, next)
  })
  const state = { attacking: true }
  const done = Promise.all(attackers).then(() => {
    state.attacking = false
  })
  // At least as long as the attacks last, and a while longer.
  let after = 0
  for (let number = 0; after < 20; number += 1) {
    await canary.ask(number)
    if (!state.attacking) after += 1
  }
  await done
  canary.close()
  upstream.close()
  expect(canary.wrong).toEqual([])
  expect(canary.answers).toBeGreaterThan(20)
}, 30_000)
