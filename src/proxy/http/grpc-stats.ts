import type { Telemetry } from '../../telemetry/index.ts'
import type { GrpcStatsConfig } from '../config/index.ts'
import type { Exchange } from './exchange.ts'

/** Counters of one cluster, or of one method of it. */
interface MethodCounters {
  readonly count: (name: string) => { value: number }
  readonly success: { value: number }
  readonly failure: { value: number }
  readonly total: { value: number }
  readonly requestMessages: { value: number }
  readonly responseMessages: { value: number }
}

/** Envoy's counters of calls by cluster and method (`envoy.filters.http.grpc_stats`). */
export class GrpcStats {
  readonly #telemetry: Telemetry
  readonly #maxMethods: number
  readonly #counters = new Map<string, MethodCounters>()

  /** @param maxMethods Methods that are told apart: clients choose them. */
  constructor(telemetry: Telemetry, maxMethods: number) {
    this.#telemetry = telemetry
    this.#maxMethods = maxMethods
  }

  /** Counts a finished call, whose status is settled. */
  record({ cluster, grpc, request }: Exchange, { methods }: GrpcStatsConfig): void {
    if (cluster === undefined) return
    const apart = methods === 'all' ? /^\/[^/]+\/[^/]+$/.test(request.path) : methods.has(request.path)
    const counters = this.#countersOf(cluster.config.name, apart ? request.path : '')
    const { status, requestMessages, responseMessages } = grpc
    counters.count(String(status)).value += 1
    if (status === 0) counters.success.value += 1
    else counters.failure.value += 1
    counters.total.value += 1
    counters.requestMessages.value += requestMessages.count
    counters.responseMessages.value += responseMessages.count
  }

  #countersOf(cluster: string, path: string): MethodCounters {
    // A cluster's name may hold slashes; no path begins with NUL.
    const key = `${cluster}\0${path}`
    const known = this.#counters.get(key)
    if (known !== undefined) return known
    if (path !== '' && this.#counters.size >= this.#maxMethods) return this.#countersOf(cluster, '')
    const [, service = '', method = ''] = path.split('/')
    const ofMethod = path === '' ? {} : { envoy_grpc_bridge_service: service, envoy_grpc_bridge_method: method }
    const labels = { envoy_cluster_name: cluster, ...ofMethod }
    const count = (name: string): { value: number } => this.#telemetry.counter(`envoy_cluster_grpc_${name}`, labels)
    const made: MethodCounters = {
      count,
      success: count('success'),
      failure: count('failure'),
      total: count('total'),
      requestMessages: count('request_message_count'),
      responseMessages: count('response_message_count'),
    }
    this.#counters.set(key, made)
    return made
  }
}
