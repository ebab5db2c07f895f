import { ignoringOwner, type StreamSocket } from '../../net/index.ts'
import type { ConnectionLimitConfig } from '../config/index.ts'
import type { ChainRuntime } from './chain-runtime.ts'
import type { ListenerServices } from './listener-services.ts'

/** `envoy.filters.network.connection_limit` of one listener's filter chains. */
export class ConnectionLimiter {
  readonly #services: Pick<ListenerServices, 'telemetry' | 'timers'>
  readonly #active = new WeakMap<ChainRuntime, { value: number }>()
  readonly #taken = new WeakMap<
    StreamSocket,
    { readonly count: { value: number }; readonly gauge: { value: number } }
  >()

  constructor(services: Pick<ListenerServices, 'telemetry' | 'timers'>) {
    this.#services = services
  }

  /** Counts a connection in its chain; false when there are too many: it is closed, after the filter's delay. */
  take(socket: StreamSocket, chain: ChainRuntime, limit: ConnectionLimitConfig): boolean {
    const { telemetry, timers } = this.#services
    const labels = { envoy_connection_limit_prefix: limit.statPrefix }
    const count = this.#active.get(chain) ?? { value: 0 }
    this.#active.set(chain, count)
    if (count.value < limit.maxConnections) {
      const gauge = telemetry.gauge('envoy_connection_limit_active_connections', labels)
      count.value += 1
      gauge.value += 1
      this.#taken.set(socket, { count, gauge })
      return true
    }
    telemetry.counter('envoy_connection_limit_limited_connections', labels).value += 1
    if (limit.delayMs === 0) socket.terminate()
    else {
      // Held back unread: who comes again at once would cost more than who waits.
      socket.data = ignoringOwner
      socket.pause()
      timers.after(limit.delayMs, () => socket.terminate())
    }
    return false
  }

  /** A connection is gone. */
  give(socket: StreamSocket): void {
    const taken = this.#taken.get(socket)
    if (taken === undefined) return
    this.#taken.delete(socket)
    taken.count.value -= 1
    taken.gauge.value -= 1
  }
}
