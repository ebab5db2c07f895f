import { sdsClusterName, secretName, xdsClusterName } from '../../xds/index.ts'

/** What a bootstrap is made of. */
export interface BootstrapInput {
  readonly id: string
  readonly namespace: string
  /** Name of the owning deployment: `reviews-v2`. */
  readonly workload: string
  readonly labels: Readonly<Record<string, string>>
  readonly serviceAccount: string
  readonly adminPort: number
  /** `host:port` of the ADS server. */
  readonly xdsAddress: string
  /** SPIFFE id that the ADS server must present, so that no workload's certificate can stand in for it. */
  readonly controlPlaneId: string
  /** Unix socket by which a foreign proxy fetches its secrets; Weft's own takes them from itself. */
  readonly sdsSocket: string
}

const tlsTypes = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'

/** gRPC needs HTTP/2 and Envoy does not guess it. */
const http2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http2_protocol_options: {} },
  },
}

function secretOf(name: string) {
  return {
    name,
    sds_config: {
      resource_api_version: 'V3',
      api_config_source: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: sdsClusterName } }],
      },
    },
  }
}

function endpoints(cluster: string, address: object) {
  return { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] }
}

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':')
  return { host: address.slice(0, at).replaceAll(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) }
}

function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':')
}

function xdsCluster(input: BootstrapInput) {
  const { host, port } = hostAndPort(input.xdsAddress)
  return {
    name: xdsClusterName,
    type: isAddress(host) ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: '5s',
    typed_extension_protocol_options: http2,
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 30 } },
    load_assignment: endpoints(xdsClusterName, { socket_address: { address: host, port_value: port } }),
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${tlsTypes}.UpstreamTlsContext`,
        common_tls_context: {
          tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
          alpn_protocols: ['h2'],
          tls_certificate_sds_secret_configs: [secretOf(secretName.certificate)],
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: input.controlPlaneId } }],
            },
            validation_context_sds_secret_config: secretOf(secretName.bundle),
          },
        },
      },
    },
  }
}

/**
 * The Envoy bootstrap of a workload's proxy: who it is, an admin interface on loopback, and everything else over delta
 * ADS. Envoy and Weft's proxy take the same text. It is YAML written as JSON: neither end has to load a YAML library for it.
 */
export function renderBootstrap(input: BootstrapInput): string {
  const bootstrap = {
    node: {
      id: input.id,
      cluster: `${input.workload}.${input.namespace}`,
      metadata: {
        NAME: input.id,
        NAMESPACE: input.namespace,
        WORKLOAD_NAME: input.workload,
        LABELS: { ...input.labels },
        SERVICE_ACCOUNT: input.serviceAccount,
        CLUSTER_ID: 'weft',
      },
    },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: input.adminPort } } },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: xdsClusterName } }],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      lds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      clusters: [
        xdsCluster(input),
        {
          name: sdsClusterName,
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: http2,
          load_assignment: endpoints(sdsClusterName, { pipe: { path: input.sdsSocket } }),
        },
      ],
    },
  }
  return `${JSON.stringify(bootstrap, undefined, 2)}\n`
}
