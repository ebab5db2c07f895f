/** A host whose own health says what is known of it. */
interface JudgedHost {
  readonly health: { readonly available: boolean; readonly degraded: boolean }
}

/** A host that may take new work: neither discovery nor its checks nor its traffic speak against it. */
export function isAvailable(host: JudgedHost): boolean {
  return host.health.available
}

/**
 * Hosts that may take new work. Draining hosts keep what they have; with no healthy host there is none (no panic mode: as Istio sets it). Degraded
 * ones are taken only when there are no others.
 */
export function availableHosts<Host extends JudgedHost>(hosts: readonly Host[]): readonly Host[] {
  const available = hosts.filter(isAvailable)
  const whole = available.filter((host) => !host.health.degraded)
  return whole.length > 0 ? whole : available
}
