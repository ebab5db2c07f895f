/**
 * Hosts that may take new work; who may is said by the host's own health. Draining hosts keep what they have; with no healthy host there is none
 * (no panic mode: as Istio sets it). Degraded ones are taken only when there are no others.
 */
export function availableHosts<
  Host extends { readonly health: { readonly available: boolean; readonly degraded: boolean } },
>(hosts: readonly Host[]): readonly Host[] {
  const available = hosts.filter((host) => host.health.available)
  const whole = available.filter((host) => !host.health.degraded)
  return whole.length > 0 ? whole : available
}
