import { createServer, type Server, type Socket } from 'node:net'

import { type Answer, plainAnswer } from './case.ts'
import { type Reading, readMessages } from './messages.ts'

/** One connection that the proxy made. */
interface Recorded {
  readonly socket: Socket
  raw: string
  ended: boolean
  /** Requests on it that were answered. */
  answered: number
}

/** An upstream that keeps every octet it gets and answers with exactly the octets it is told. */
export class RecordingUpstream {
  readonly #answers: readonly Answer[]
  readonly #connections: Recorded[] = []
  readonly #server: Server
  #requests = 0
  /** Called when something came or ended. */
  onChange: () => void = () => {}

  constructor(answers: readonly Answer[] = []) {
    this.#answers = answers.length === 0 ? [{ send: plainAnswer }] : answers
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket))
  }

  /** Listens on a port of 127.0.0.1 and returns it. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('Expected the address of a TCP server')
    return address.port
  }

  /** What each connection brought, in the order they were made. */
  readings(): readonly Reading[] {
    return this.#connections.map(({ raw, ended }) => readMessages(raw, { side: 'requests', ended }))
  }

  /** True when one of the connections brought this text. */
  got(text: string): boolean {
    return this.#connections.some(({ raw }) => raw.includes(text))
  }

  /** True when the proxy has ended its newest connection. */
  get closed(): boolean {
    return this.#connections.at(-1)?.ended === true
  }

  /** Says more on the newest connection. */
  send(text: string): void {
    this.#connections.at(-1)?.socket.write(text, 'latin1')
  }

  /** Ends the newest connection. */
  end(how: 'fin' | 'reset'): void {
    const socket = this.#connections.at(-1)?.socket
    if (how === 'fin') socket?.end()
    else socket?.resetAndDestroy()
  }

  /** Closes everything. */
  close(): void {
    this.#server.close()
    for (const { socket } of this.#connections) socket.destroy()
  }

  #accept(socket: Socket): void {
    const recorded: Recorded = { socket, raw: '', ended: false, answered: 0 }
    this.#connections.push(recorded)
    socket.setNoDelay(true)
    socket.on('data', (part) => {
      recorded.raw += part.toString('latin1')
      this.#answer(recorded)
      this.onChange()
    })
    const ended = (): void => {
      recorded.ended = true
      this.onChange()
    }
    socket.on('end', () => {
      ended()
      socket.end()
    })
    // The proxy may reset a connection that it gave up.
    socket.on('error', ended)
    socket.on('close', ended)
    const answer = this.#nextAnswer()
    if (answer.on === 'connect') this.#give(recorded, answer)
  }

  #nextAnswer(): Answer {
    return this.#answers[Math.min(this.#requests, this.#answers.length - 1)] ?? {}
  }

  #answer(recorded: Recorded): void {
    const { messages } = readMessages(recorded.raw, { side: 'requests', ended: false })
    while (recorded.answered < messages.length) {
      const message = messages[recorded.answered]
      const answer = this.#nextAnswer()
      if (answer.on !== 'head' && message?.complete === false) return
      if (answer.on !== 'connect') this.#give(recorded, answer)
      else {
        recorded.answered += 1
        this.#requests += 1
      }
    }
  }

  #give(recorded: Recorded, answer: Answer): void {
    recorded.answered += 1
    this.#requests += 1
    if (answer.send !== undefined) recorded.socket.write(answer.send, 'latin1')
    if (answer.end === 'fin') recorded.socket.end()
    else if (answer.end === 'reset') recorded.socket.resetAndDestroy()
  }
}
