import { createResponseClasses, type Telemetry } from '../../telemetry/index.ts'

/** Envoy's counters of RBAC filters. */
export interface RbacCounters {
  readonly allowed: { value: number }
  readonly denied: { value: number }
  readonly shadowAllowed: { value: number }
  readonly shadowDenied: { value: number }
}

/** Envoy's counters of a connection manager, labelled with its `stat_prefix`; managers of one prefix share them. */
export class HttpStats {
  readonly prefix: string
  readonly connectionsTotal: { value: number }
  readonly connectionsActive: { value: number }
  readonly requestsTotal: { value: number }
  readonly requestsActive: { value: number }
  readonly overloadClose: { value: number }
  readonly overloadDisableKeepalive: { value: number }
  readonly connectionMaxDuration: { value: number }
  readonly requestMaxDuration: { value: number }
  readonly #telemetry: Telemetry
  readonly #labels: Readonly<Record<string, string>>
  readonly #rbac = new Map<string, RbacCounters>()
  /** Counts an answer that was begun. */
  readonly countResponse: (status: number) => void

  constructor(telemetry: Telemetry, prefix: string) {
    const labels = { envoy_http_conn_manager_prefix: prefix }
    this.prefix = prefix
    this.#telemetry = telemetry
    this.#labels = labels
    this.connectionsTotal = telemetry.counter('envoy_http_downstream_cx_total', labels)
    this.connectionsActive = telemetry.gauge('envoy_http_downstream_cx_active', labels)
    this.requestsTotal = telemetry.counter('envoy_http_downstream_rq_total', labels)
    this.requestsActive = telemetry.gauge('envoy_http_downstream_rq_active', labels)
    this.overloadClose = telemetry.counter('envoy_http_downstream_rq_overload_close', labels)
    this.overloadDisableKeepalive = telemetry.counter('envoy_http_downstream_cx_overload_disable_keepalive', labels)
    this.connectionMaxDuration = telemetry.counter('envoy_http_downstream_cx_max_duration_reached', labels)
    this.requestMaxDuration = telemetry.counter('envoy_http_downstream_rq_max_duration_reached', labels)
    this.countResponse = createResponseClasses(telemetry, 'envoy_http_downstream_rq_xx', labels)
  }

  /** Counters of RBAC filters with this `rules_stat_prefix`. */
  rbac(prefix: string): RbacCounters {
    const known = this.#rbac.get(prefix)
    if (known !== undefined) return known
    const labels = prefix === '' ? this.#labels : { ...this.#labels, envoy_rbac_http_prefix: prefix }
    const counter = (name: string): { value: number } => this.#telemetry.counter(`envoy_http_rbac_${name}`, labels)
    const made: RbacCounters = {
      allowed: counter('allowed'),
      denied: counter('denied'),
      shadowAllowed: counter('shadow_allowed'),
      shadowDenied: counter('shadow_denied'),
    }
    this.#rbac.set(prefix, made)
    return made
  }

  /** Counts a connection that was closed for what the client did on it; `name` is one of few. */
  countHttp2Failure(name: string): void {
    this.#telemetry.counter(`envoy_http2_${name}`, {}).value += 1
  }
}
