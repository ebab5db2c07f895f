/** Hosts that may take new work: `healthy` ones that are not ejected. Draining hosts keep what they have; with no healthy host there is none (no panic mode: as Istio sets it). */
export function availableHosts<
  Host extends {
    readonly config: { readonly health: string }
    readonly outlier?: { readonly ejected: boolean } | undefined
  },
>(hosts: readonly Host[]): readonly Host[] {
  return hosts.filter((host) => host.config.health === 'healthy' && host.outlier?.ejected !== true)
}
