import type { ClientTlsConfig, ClusterConfig, EndpointConfig } from '../config/index.ts'

/**
 * How to speak to an endpoint (Envoy `transport_socket_matches`): the first match whose labels the endpoint has all, else the
 * cluster's own transport socket. Undefined is plain text.
 */
export function transportOf(
  cluster: Pick<ClusterConfig, 'tls' | 'transportMatches'>,
  endpoint: Pick<EndpointConfig, 'transportLabels'>,
): ClientTlsConfig | undefined {
  for (const { match, tls } of cluster.transportMatches) {
    let all = true
    for (const [name, value] of match) all &&= endpoint.transportLabels.get(name) === value
    if (all) return tls
  }
  return cluster.tls
}
