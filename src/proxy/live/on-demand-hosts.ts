import type { OnDemand } from '../data-plane.ts'
import { maxAbsentHosts, maxOnDemandHosts, maxWaitingRequests } from './limits.ts'

/** What asking for virtual hosts needs. */
export interface OnDemandHostsOptions {
  /** The host is in its route table. */
  readonly isHeld: (name: string) => boolean
  /** The route configuration takes hosts on demand, and the protocol can ask for them. */
  readonly canAsk: (route: string) => boolean
  readonly subscribe: (name: string) => void
  readonly unsubscribe: (name: string) => void
  readonly timeoutMs: number
}

type Done = (outcome: 'found' | 'absent') => void

/**
 * Virtual hosts that are asked for when the first request needs them. Requests for one host wait together; "there is none" is
 * remembered while the subscription stands, since the control plane will tell when that changes.
 */
export class OnDemandHosts implements OnDemand {
  readonly #options: OnDemandHostsOptions
  readonly #waiting = new Map<string, { readonly dones: Done[]; readonly timer: ReturnType<typeof setTimeout> }>()
  /** Oldest first. */
  readonly #absent = new Set<string>()
  readonly #subscribed = new Set<string>()
  #waiters = 0

  constructor(options: OnDemandHostsOptions) {
    this.#options = options
  }

  /** Resource names subscribed to. */
  get names(): ReadonlySet<string> {
    return this.#subscribed
  }

  request(route: string, domain: string, done: Done): void {
    const name = `${route}/${domain}`
    const { isHeld, canAsk } = this.#options
    // Never within the call: who asks is still busy with the request.
    if (isHeld(name)) return queueMicrotask(() => done('found'))
    const isFutile = this.#absent.has(name) || !canAsk(route) || this.#waiters >= maxWaitingRequests
    if (isFutile || !this.#ask(name)) return queueMicrotask(() => done('absent'))
    this.#waiters += 1
    const entry = this.#waiting.get(name)
    if (entry !== undefined) {
      entry.dones.push(done)
      return
    }
    const timer = setTimeout(() => this.#settle(name, 'absent'), this.#options.timeoutMs)
    this.#waiting.set(name, { dones: [done], timer })
  }

  /** Takes over a host that is held from before a restart. */
  adopt(name: string): void {
    this.#subscribed.add(name)
    this.#options.subscribe(name)
  }

  found(name: string): void {
    this.#absent.delete(name)
    this.#settle(name, 'found')
  }

  absent(name: string): void {
    if (this.#subscribed.has(name)) {
      this.#absent.delete(name)
      this.#absent.add(name)
      if (this.#absent.size > maxAbsentHosts) this.#giveUpOldest()
    }
    this.#settle(name, 'absent')
  }

  /** A host that came was refused: who waits gets no more than before. */
  refused(name: string): void {
    this.#settle(name, 'absent')
  }

  /** Drops all hosts of a route configuration. */
  forget(isDropped: (name: string) => boolean): void {
    for (const name of this.#subscribed) if (isDropped(name)) this.#giveUp(name)
  }

  close(): void {
    for (const name of this.#waiting.keys()) this.#settle(name, 'absent')
  }

  #ask(name: string): boolean {
    if (this.#subscribed.has(name)) return true
    if (this.#subscribed.size >= maxOnDemandHosts && !this.#giveUpOldest()) return false
    this.#subscribed.add(name)
    this.#options.subscribe(name)
    return true
  }

  #giveUpOldest(): boolean {
    const [oldest] = this.#absent
    if (oldest === undefined) return false
    this.#giveUp(oldest)
    return true
  }

  #giveUp(name: string): void {
    this.#absent.delete(name)
    this.#subscribed.delete(name)
    this.#options.unsubscribe(name)
    this.#settle(name, 'absent')
  }

  #settle(name: string, outcome: 'found' | 'absent'): void {
    const entry = this.#waiting.get(name)
    if (entry === undefined) return
    clearTimeout(entry.timer)
    this.#waiting.delete(name)
    this.#waiters -= entry.dones.length
    for (const done of entry.dones) done(outcome)
  }
}
