import type { TcpProbeConfig } from '../../config/index.ts'
import { type CheckOutcome, failedAnswer, failedNetwork, notReady, passed } from './check-outcome.ts'
import { holdsPayload } from './holds-payload.ts'
import { CheckLimits } from './limits.ts'
import { ProbeConnection, type ProbeSpeaker } from './probe-connection.ts'
import type { Probe, ProbeTarget } from './probe.ts'

/**
 * `tcp_health_check`: connected, or, when something is to be received, all of it came. What does not match yet may still come: only the time-out
 * tells that it does not.
 */
export class TcpProbe implements Probe, ProbeSpeaker {
  readonly #config: TcpProbeConfig
  readonly #target: ProbeTarget
  readonly #done: (outcome: CheckOutcome) => void
  readonly #connection: ProbeConnection
  #checking = false
  /** The connection had served a check before. */
  #stale = false
  #received: Buffer[] = []
  #receivedBytes = 0

  constructor(config: TcpProbeConfig, target: ProbeTarget, done: (outcome: CheckOutcome) => void) {
    this.#config = config
    this.#target = target
    this.#done = done
    this.#connection = new ProbeConnection(target, this)
  }

  start(): void {
    this.#checking = true
    this.#received = []
    this.#receivedBytes = 0
    if (!this.#connection.use()) this.#finish(notReady, false)
  }

  abort(): void {
    this.#checking = false
    this.#connection.close()
  }

  close(): void {
    this.abort()
  }

  onConnected(fresh: boolean): void {
    this.#stale = !fresh
    const { receive, send } = this.#config
    if (receive.length === 0) this.#finish(passed, false)
    else if (send.length > 0) this.#connection.write(send)
  }

  onUnreachable(): void {
    this.#finish(failedNetwork, false)
  }

  onBytes(bytes: Buffer): void {
    if (!this.#checking) {
      // Nobody asked: what it says must not be taken for the next answer.
      this.#connection.close()
      return
    }
    this.#received.push(Buffer.from(bytes))
    this.#receivedBytes += bytes.length
    if (holdsPayload(Buffer.concat(this.#received), this.#config.receive)) this.#finish(passed, true)
    else if (this.#receivedBytes > CheckLimits.tcpBytes) this.#finish(failedAnswer, false)
  }

  onEnded(unreached: boolean): void {
    if (!this.#checking) return
    // The host may close an idle connection when it likes: that says nothing.
    if (this.#stale && unreached) this.start()
    else this.#finish(failedNetwork, false)
  }

  #finish(outcome: CheckOutcome, keep: boolean): void {
    this.#checking = false
    this.#received = []
    if (!keep || !this.#target.reuseConnection) this.#connection.close()
    this.#done(outcome)
  }
}
