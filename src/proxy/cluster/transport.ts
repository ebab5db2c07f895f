import type { ClientTlsConfig, ClusterConfig, EndpointConfig } from '../config/index.ts'

/** How to speak to an endpoint: without `tls` in plain text, with `proxyProtocol` behind a header of that version. */
export type EndpointTransport = Pick<ClusterConfig, 'tls' | 'proxyProtocol'>

/**
 * How to speak to an endpoint (Envoy `transport_socket_matches`): the first match whose labels the endpoint has all, else the
 * cluster's own transport socket.
 */
export function endpointTransport(
  cluster: Pick<ClusterConfig, 'tls' | 'proxyProtocol' | 'transportMatches'>,
  endpoint: Pick<EndpointConfig, 'transportLabels'>,
): EndpointTransport {
  for (const transport of cluster.transportMatches) {
    let all = true
    for (const [name, value] of transport.match) all &&= endpoint.transportLabels.get(name) === value
    if (all) return transport
  }
  return cluster
}

/** TLS of {@link endpointTransport}; undefined is plain text. */
export function transportOf(
  cluster: Pick<ClusterConfig, 'tls' | 'proxyProtocol' | 'transportMatches'>,
  endpoint: Pick<EndpointConfig, 'transportLabels'>,
): ClientTlsConfig | undefined {
  return endpointTransport(cluster, endpoint).tls
}
