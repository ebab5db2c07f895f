import type { StreamSocket } from '../../net/index.ts'
import type { ClusterConfig, EndpointConfig, HealthCheckConfig } from '../config/index.ts'
import { type CheckStats, CheckSession, createCheckStats, createProbe, type HostHealth } from '../health/index.ts'
import { createCheckDialer, isSecure } from './check-dialer.ts'
import type { ClusterServices } from './cluster-services.ts'
import type { SentRequest } from './contract.ts'

/** Who is checked. */
export interface CheckedHost {
  readonly config: EndpointConfig
  readonly health: HostHealth
  checks: CheckSession | undefined
  readonly provesUnreached: (socket: StreamSocket, sent: SentRequest) => boolean
}

/** A result of a check. */
export interface CheckResult {
  readonly passed: boolean
  /** Some flag of the endpoint is another one now. */
  readonly changed: boolean
  /** It failed its checks, or was not checked yet, and passes now. */
  readonly recovered: boolean
}

/** What checking the endpoints of a cluster takes. */
export interface ActiveHealthParts<Host> {
  readonly cluster: () => ClusterConfig
  readonly services: ClusterServices
  /** The cluster has had a connection of a client's request. */
  readonly hasTraffic: () => boolean
  /** A result is in, and the flags of the endpoint say it already. */
  readonly onResult: (host: Host, result: CheckResult) => void
  /** Every endpoint that the cluster began with was checked once. */
  readonly onWarm: () => void
}

/** Active health checks of one cluster at run time: a session for each endpoint. */
export class ActiveHealth<Host extends CheckedHost> {
  readonly #parts: ActiveHealthParts<Host>
  readonly #stats: CheckStats
  #config: HealthCheckConfig
  #checked = new Set<Host>()
  /** Endpoints of the beginning that were not checked yet; undefined once all were. */
  #unchecked: Set<Host> | undefined = new Set()

  constructor(config: HealthCheckConfig, parts: ActiveHealthParts<Host>) {
    this.#config = config
    this.#parts = parts
    this.#stats = createCheckStats(parts.services.telemetry, parts.cluster().name)
  }

  /** The first round of checks is not over. */
  get warming(): boolean {
    return this.#unchecked !== undefined
  }

  /** Takes new settings; all checks begin anew, the flags stay until their results are in. */
  reconfigure(config: HealthCheckConfig): void {
    if (Bun.deepEquals(config, this.#config, true)) return
    this.#config = config
    for (const host of this.#checked) {
      host.checks?.stop()
      this.#begin(host)
    }
  }

  /**
   * These are the endpoints now. One that joins fails until its first check has passed; with `serving` it is in use already, and stays
   * so until its first check says something else.
   */
  watch(hosts: Iterable<Host>, options: { readonly serving: boolean }): void {
    const wanted = new Set<Host>()
    for (const host of hosts) if (host.config.healthCheck?.disabled !== true) wanted.add(host)
    const joining = [...wanted].filter((host) => !this.#checked.has(host))
    for (const host of this.#checked) if (!wanted.has(host)) this.#leave(host)
    this.#checked = wanted
    for (const host of joining) {
      host.health.failedActive = !options.serving
      host.health.pendingActive = !options.serving && this.#parts.cluster().excludeNewHosts === true
      if (!options.serving) this.#unchecked?.add(host)
    }
    // After all have joined: the round is over when the last of them was checked.
    for (const host of joining) this.#begin(host)
    this.#endRound()
  }

  /** The transport of the endpoint changed, or where it is checked: its checks begin anew. */
  renew(host: Host): void {
    if (!this.#checked.has(host)) return
    host.checks?.stop()
    this.#begin(host)
  }

  /** Nobody is checked, and nobody fails checks, any more. */
  stop(): void {
    for (const host of this.#checked) this.#leave(host)
    this.#checked.clear()
    this.#endRound()
  }

  #leave(host: Host): void {
    host.checks?.stop()
    host.checks = undefined
    const { health } = host
    health.failedActive = false
    health.activeTimeout = false
    health.degradedActive = false
    health.pendingActive = false
    health.excludedByItself = false
    this.#unchecked?.delete(host)
  }

  #begin(host: Host): void {
    const { cluster, services, hasTraffic, onResult } = this.#parts
    const check = this.#config
    const { config, health } = host
    let failing = health.failedActive
    const session = new CheckSession({
      config: check,
      health,
      stats: this.#stats,
      timers: services.timers,
      random: services.random,
      hasTraffic,
      createProbe: (done) =>
        createProbe(
          check,
          {
            provesUnreached: (socket, sent) => host.provesUnreached(socket, sent),
            dial: createCheckDialer({ check, services, cluster, endpoint: config }),
            authority: authorityOf(config, check, cluster().name),
            secure: isSecure(cluster(), config),
            reuseConnection: check.reuseConnection,
          },
          { done, onVerify: () => this.#stats.count('verify_cluster') },
        ),
      onResult: (passed, transition) => {
        const recovered = failing && !health.failedActive
        failing = health.failedActive
        onResult(host, { passed, changed: transition === 'changed', recovered })
        if (this.#unchecked?.delete(host) === true) this.#endRound()
      },
    })
    host.checks = session
    session.start()
  }

  #endRound(): void {
    if (this.#unchecked === undefined || this.#unchecked.size > 0) return
    this.#unchecked = undefined
    this.#parts.onWarm()
  }
}

/** The endpoint's name for checks, else that of the check, else that of the cluster (Envoy). */
function authorityOf(endpoint: EndpointConfig, check: HealthCheckConfig, cluster: string): string {
  const own = endpoint.healthCheck?.hostname ?? ''
  if (own !== '') return own
  const { probe } = check
  const named = probe.kind === 'http' ? probe.host : probe.kind === 'grpc' ? probe.authority : ''
  return named === '' ? cluster : named
}
