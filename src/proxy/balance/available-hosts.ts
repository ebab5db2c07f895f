/** What is known of a host's health. */
interface JudgedHost {
  readonly config: { readonly health: string }
  readonly outlier?: { readonly ejected: boolean } | undefined
}

/** A host that may take new work: `healthy` and not ejected. */
export function isAvailable(host: JudgedHost): boolean {
  return host.config.health === 'healthy' && host.outlier?.ejected !== true
}

/** Hosts that may take new work: `healthy` ones that are not ejected. Draining hosts keep what they have; with no healthy host there is none (no panic mode: as Istio sets it). */
export function availableHosts<Host extends JudgedHost>(hosts: readonly Host[]): readonly Host[] {
  return hosts.filter(isAvailable)
}
