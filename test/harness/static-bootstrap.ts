/** Bootstraps without a control plane: listeners that send everything to one upstream. */

/** One listener. */
export interface StaticListener {
  readonly port: number
  readonly upstreamPort: number
  /** TCP proxy instead of HTTP. */
  readonly tcp?: boolean
  /** HTTP/2 without TLS. */
  readonly http2?: boolean
  /** Files of the server certificate: TLS. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string }
}

/** A bootstrap in YAML; `adminPort` absent: no admin interface. */
export function staticBootstrap(listeners: readonly StaticListener[], adminPort?: number): string {
  const types = 'type.googleapis.com/envoy.extensions'
  const manager = (index: number, { http2 }: StaticListener) => ({
    '@type': `${types}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: `in_${index}`,
    ...(http2 === true ? { codec_type: 'HTTP2' } : {}),
    http_filters: [{ name: 'router', typed_config: { '@type': `${types}.filters.http.router.v3.Router` } }],
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: `up_${index}` } }] },
      ],
    },
  })
  const tcpProxy = (index: number) => ({
    '@type': `${types}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: `in_${index}`,
    cluster: `up_${index}`,
  })
  const transport = ({ tls }: StaticListener) => {
    if (tls === undefined) return {}
    const certificate = {
      certificate_chain: { filename: tls.certificateFile },
      private_key: { filename: tls.keyFile },
    }
    const context = { '@type': `${types}.transport_sockets.tls.v3.DownstreamTlsContext` }
    return {
      transport_socket: {
        name: 'envoy.transport_sockets.tls',
        typed_config: { ...context, common_tls_context: { tls_certificates: [certificate] } },
      },
    }
  }
  return JSON.stringify({
    ...(adminPort === undefined ? {} : { admin: { address: addressOf(adminPort) } }),
    static_resources: {
      listeners: listeners.map((listener, index) => ({
        name: `in_${index}`,
        address: addressOf(listener.port),
        filter_chains: [
          {
            filters: [
              { name: 'terminal', typed_config: listener.tcp === true ? tcpProxy(index) : manager(index, listener) },
            ],
            ...transport(listener),
          },
        ],
      })),
      clusters: listeners.map(({ upstreamPort }, index) => ({
        name: `up_${index}`,
        type: 'STATIC',
        connect_timeout: '1s',
        load_assignment: {
          cluster_name: `up_${index}`,
          endpoints: [{ lb_endpoints: [{ endpoint: { address: addressOf(upstreamPort) } }] }],
        },
      })),
    },
  })
}

function addressOf(port: number): unknown {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}
