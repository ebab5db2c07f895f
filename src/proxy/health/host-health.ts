import type { HostMonitor } from './outlier/host-monitor.ts'

/** What others find out about a host. */
export interface JudgedHost {
  readonly config: { readonly health: 'healthy' | 'degraded' | 'draining' | 'unhealthy' }
  readonly outlier: HostMonitor | undefined
}

/**
 * All that is known of a host's health, by discovery, by its checks and by its traffic: the one place that says whether it may take new
 * work. The flags are Envoy's; those of active checks are written by the host's {@link CheckSession}.
 */
export class HostHealth {
  /** Fails its checks, or was not checked yet. */
  failedActive = false
  /** The last check that failed got no answer in time. */
  activeTimeout = false
  /** Passes, and says that it would rather have less to do (`x-envoy-degraded`). */
  degradedActive = false
  /** Not checked yet, and not to be counted among the endpoints until then. */
  pendingActive = false
  /** Said so itself (`x-envoy-immediate-health-check-fail`): not to be counted among the endpoints. */
  excludedByItself = false
  /** Discovery knows it no more; it stays while it passes its checks. */
  pendingRemoval = false
  readonly #host: JudgedHost

  constructor(host: JudgedHost) {
    this.#host = host
  }

  /** May take new work. Draining hosts keep what they have; for new work they are as good as gone. */
  get available(): boolean {
    const { health } = this.#host.config
    return !this.failing && (health === 'healthy' || health === 'degraded')
  }

  /** Found to be bad by its checks or by its traffic. */
  get failing(): boolean {
    return this.failedActive || this.#host.outlier?.ejected === true
  }

  /** Takes new work only if others cannot take all of it. */
  get degraded(): boolean {
    return this.degradedActive || this.#host.config.health === 'degraded'
  }

  /** Is left out where shares of healthy endpoints are computed. */
  get excluded(): boolean {
    return this.pendingActive || this.excludedByItself
  }

  /** Envoy's text for `health_flags`: the flags that are set, or `healthy`. */
  describe(): string {
    const { health } = this.#host.config
    let text = ''
    if (this.failedActive) text += '/failed_active_hc'
    if (this.#host.outlier?.ejected === true) text += '/failed_outlier_check'
    if (health === 'unhealthy') text += '/failed_eds_health'
    if (this.degradedActive) text += '/degraded_active_hc'
    if (health === 'degraded') text += '/degraded_eds_health'
    if (this.pendingRemoval) text += '/pending_dynamic_removal'
    if (this.pendingActive) text += '/pending_active_hc'
    if (this.excludedByItself) text += '/excluded_via_immediate_hc_fail'
    if (this.activeTimeout) text += '/active_hc_timeout'
    if (health === 'draining') text += '/eds_status_draining'
    return text === '' ? 'healthy' : text
  }
}
