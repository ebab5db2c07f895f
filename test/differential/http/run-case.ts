import { connect, type Socket } from 'node:net'

import { askAgain, awaitResponses, type HttpCase, probe, probeBody, send, type Step } from './case.ts'
import { type Message, type Reading, readMessages } from './messages.ts'
import type { RecordingUpstream } from './recording-upstream.ts'

/** What became of a case at one proxy. */
export interface Outcome {
  /** What the client received, without the answer to the probe. */
  readonly responses: readonly Message[]
  /** Octets behind them: of an upgraded connection, or what is no message. */
  readonly rest: string
  readonly connection: 'kept' | 'closed' | 'silent'
  /** What the client received that is not in canonical form. */
  readonly faults: readonly string[]
  /** What the upstream received, by connection. */
  readonly upstream: readonly Reading[]
}

/** A step that takes longer ends the case: the proxy is silent where it should have answered or closed. */
const patienceMs = 6000

/** Takes the steps of a case through the proxy at `port`. */
export async function runCase(test: HttpCase, port: number, upstream: RecordingUpstream): Promise<Outcome> {
  const client = new Client(test, port, upstream)
  const steps = typeof test.steps === 'string' ? [send(test.steps), awaitResponses(), askAgain] : test.steps
  let silent = false
  for (const step of steps) {
    if (await client.take(step)) continue
    silent = true
    break
  }
  const reading = client.read()
  const outcome = { upstream: upstream.readings(), faults: reading.faults, rest: reading.rest }
  const last = reading.messages.at(-1)
  const kept = last?.body === probeBody
  client.close()
  const responses = kept ? reading.messages.slice(0, -1) : reading.messages
  return { ...outcome, responses, connection: kept ? 'kept' : silent ? 'silent' : 'closed' }
}

class Client {
  readonly #case: HttpCase
  readonly #upstream: RecordingUpstream
  readonly #socket: Socket
  #raw = ''
  #ended = false
  #check: () => void = () => {}

  constructor(test: HttpCase, port: number, upstream: RecordingUpstream) {
    this.#case = test
    this.#upstream = upstream
    this.#socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    this.#socket.setNoDelay(true)
    const ended = (): void => {
      this.#ended = true
      this.#check()
    }
    this.#socket.on('data', (part) => {
      this.#raw += part.toString('latin1')
      this.#check()
    })
    this.#socket.on('end', ended)
    // A reset is an end too.
    this.#socket.on('error', ended)
    this.#socket.on('close', ended)
    upstream.onChange = () => this.#check()
  }

  read(): Reading {
    const { heads } = this.#case
    return readMessages(this.#raw, { side: 'responses', ended: this.#ended, ...(heads === undefined ? {} : { heads }) })
  }

  close(): void {
    this.#upstream.onChange = () => {}
    this.#socket.destroy()
  }

  /** False when the proxy let the step wait too long. */
  async take(step: Step): Promise<boolean> {
    switch (step.kind) {
      case 'send':
        if (!this.#ended) this.#socket.write(step.text, 'latin1')
        return true
      case 'dribble':
        for (const octet of step.text) {
          if (this.#ended) break
          await new Promise<void>((resolve) => this.#socket.write(octet, 'latin1', () => resolve()))
        }
        return true
      case 'await-responses':
        return this.#until(() => this.#finals() >= step.count)
      case 'await-received':
        return this.#until(() => this.#raw.includes(step.text))
      case 'await-upstream':
        return this.#until(() => this.#upstream.got(step.text))
      case 'await-upstream-closed':
        return this.#until(() => this.#upstream.closed)
      case 'upstream-send':
        this.#upstream.send(step.text)
        return true
      case 'upstream-end':
        this.#upstream.end(step.how)
        return true
      case 'fin':
        this.#socket.end()
        return true
      case 'await-closed':
        return this.#until(() => this.#ended)
      default:
        if (!this.#ended) this.#socket.write(probe)
        return this.#until(() => this.read().messages.at(-1)?.body === probeBody)
    }
  }

  #finals(): number {
    return this.read().messages.filter(({ start, complete }) => complete && !/ 1(?!01)\d\d /.test(start)).length
  }

  #until(condition: () => boolean): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), patienceMs)
    this.#check = () => {
      if (this.#ended || condition()) resolve(true)
    }
    this.#check()
    return promise.finally(() => {
      clearTimeout(timer)
      this.#check = () => {}
    })
  }
}
