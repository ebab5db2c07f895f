import type { TimerOwner, TimerWheel, WheelTimer } from '../../base/index.ts'
import { ErrorCode, type Http2Session } from '../../wire/http2/index.ts'
import type { Http2Config } from '../config/index.ts'

/** Of the interval between two PINGs, as in Envoy: connections that were opened together do not ask together. */
const intervalJitter = 0.15

const Timer = { settings: 0, keepalive: 1 } as const

/** What `SessionWatch` is given beside its session. */
export interface WatchOptions {
  readonly timers: TimerWheel
  readonly keepalive: Http2Config['keepalive']
  /** The peer has so long to acknowledge our settings (RFC 9113 section 6.5.3). */
  readonly settingsTimeoutMs: number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** The peer has been silent for too long; `counter` names what was waited for. What is in the output may still be sent; then the connection is to be cut. */
  readonly onSilent: (counter: string) => void
}

/** Finds connections whose peer does not answer: by our settings, and by PING when that is configured. */
export class SessionWatch implements TimerOwner {
  readonly #session: Http2Session
  readonly #options: WatchOptions
  readonly #settings: WheelTimer
  readonly #keepalive: WheelTimer | undefined
  #asked = false
  /** Something came since the PING was sent, or its time was lengthened. */
  #heard = false

  constructor(session: Http2Session, options: WatchOptions) {
    const { timers, settingsTimeoutMs, keepalive } = options
    this.#session = session
    this.#options = options
    this.#settings = timers.timer(this, Timer.settings)
    this.#settings.arm(settingsTimeoutMs)
    if (keepalive === undefined) return
    this.#keepalive = timers.timer(this, Timer.keepalive)
    this.#armInterval()
  }

  /** Octets came. */
  received(): void {
    this.#heard = true
  }

  /** The answer to the PING came. */
  onPong(): void {
    if (!this.#asked) return
    this.#asked = false
    this.#armInterval()
  }

  close(): void {
    this.#settings.cancel()
    this.#keepalive?.cancel()
  }

  onTimer(tag: number): void {
    if (tag === Timer.settings) {
      if (!this.#session.settingsAcknowledged) this.#fail(ErrorCode.settingsTimeout, 'settings_timeout')
    } else if (!this.#asked) this.#ask()
    // A peer that sends at full speed may answer late.
    else if (this.#heard) this.#armTimeout()
    else this.#fail(ErrorCode.noError, 'keepalive_timeout')
  }

  #fail(errorCode: number, counter: string): void {
    this.close()
    this.#session.goaway(errorCode)
    this.#options.onSilent(counter)
  }

  #ask(): void {
    this.#asked = true
    this.#session.ping(Buffer.alloc(8))
    this.#armTimeout()
  }

  #armTimeout(): void {
    this.#heard = false
    this.#keepalive?.arm(this.#options.keepalive?.timeoutMs ?? 0)
  }

  #armInterval(): void {
    const { keepalive, random } = this.#options
    this.#keepalive?.arm((keepalive?.intervalMs ?? 0) * (1 + intervalJitter * random()))
  }
}
