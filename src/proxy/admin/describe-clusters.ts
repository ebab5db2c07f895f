import type { AdminSource } from './admin-source.ts'
import { json, text } from './replies.ts'

/** `/clusters`: Envoy's text form `cluster::endpoint::key::value`, or JSON with `?format=json`. */
export function describeClusters({ describe }: AdminSource, query: URLSearchParams): Response {
  const list = describe().clusters
  if (query.get('format') === 'json') {
    return json({
      cluster_statuses: list.map(({ name, endpoints, limits }) => ({
        name,
        host_statuses: endpoints.map(hostStatus),
        circuit_breakers: {
          thresholds: [
            {
              max_connections: limits.maxConnections,
              max_pending_requests: limits.maxPendingRequests,
              max_requests: limits.maxRequests,
              max_retries: limits.maxRetries,
            },
          ],
        },
        observability_name: name,
      })),
    })
  }
  const lines = list.flatMap(({ name, endpoints, limits }) => [
    `${name}::observability_name::${name}`,
    `${name}::default_priority::max_connections::${limits.maxConnections}`,
    `${name}::default_priority::max_pending_requests::${limits.maxPendingRequests}`,
    `${name}::default_priority::max_requests::${limits.maxRequests}`,
    `${name}::default_priority::max_retries::${limits.maxRetries}`,
    ...endpoints.flatMap((endpoint) => {
      const at = `${name}::${endpoint.address}:${endpoint.port}`
      return [
        `${at}::cx_active::${endpoint.connections}`,
        `${at}::rq_active::${endpoint.activeRequests}`,
        `${at}::rq_total::${endpoint.totalRequests}`,
        `${at}::health_flags::${endpoint.health}`,
        `${at}::weight::${endpoint.weight}`,
      ]
    }),
  ])
  return text(lines.map((line) => `${line}\n`).join(''))
}

type Endpoint = ReturnType<AdminSource['describe']>['clusters'][number]['endpoints'][number]

function hostStatus(endpoint: Endpoint): object {
  const { address, port, health } = endpoint
  const eds = health === 'draining' ? 'DRAINING' : health === 'unhealthy' ? 'UNHEALTHY' : 'HEALTHY'
  return {
    address: address.startsWith('/') ? { pipe: { path: address } } : { socket_address: { address, port_value: port } },
    stats: [
      { name: 'rq_total', value: String(endpoint.totalRequests) },
      { type: 'GAUGE', name: 'cx_active', value: String(endpoint.connections) },
      { type: 'GAUGE', name: 'rq_active', value: String(endpoint.activeRequests) },
    ],
    health_status: {
      eds_health_status: eds,
      ...(health === '/failed_outlier_check' ? { failed_outlier_check: true } : {}),
    },
    weight: endpoint.weight,
  }
}

/** `/listeners`: `name::address:port` lines, or JSON with `?format=json`. */
export function describeListeners({ describe }: AdminSource, query: URLSearchParams): Response {
  const list = describe().listeners
  if (query.get('format') === 'json') {
    return json({
      listener_statuses: list.map(({ name, address, port }) => ({
        name,
        local_address: { socket_address: { address, port_value: port } },
      })),
    })
  }
  return text(list.map(({ name, address, port }) => `${name}::${address}:${port}\n`).join(''))
}
