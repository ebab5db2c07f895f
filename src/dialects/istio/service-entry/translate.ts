import type { Protocol, Service, StaticEndpoint } from '../../../model/index.ts'
import { originOf, type Resource } from '../../../resources/index.ts'
import type { TranslateContext } from '../../contract.ts'
import { exportToOrAll } from '../fields/hosts.ts'
import type { EndpointSpec, EntryPortSpec, ServiceEntrySpec } from './schema.ts'

/** What a ServiceEntry means: a service for each of its hosts, all with the same ports and endpoints. */
export function translateServiceEntry(
  resource: Resource,
  spec: ServiceEntrySpec,
  context: TranslateContext,
): readonly Service[] {
  return spec.hosts.map((host, index) => ({
    host,
    namespace: resource.namespace,
    // As in Istio's metrics: the service of an entry is named by its host.
    name: host,
    ports: (spec.ports ?? []).map((port) => ({
      number: port.number,
      name: port.name,
      protocol: protocolOf(port),
      targetPort: port.targetPort ?? port.number,
    })),
    selector: spec.workloadSelector?.labels ?? new Map(),
    resolution: resolutionOf(spec),
    location: spec.location === 'MESH_INTERNAL' ? 'mesh' : 'external',
    staticEndpoints: (spec.endpoints ?? []).map(translateEndpoint),
    addresses: spec.addresses ?? [],
    exportTo: exportToOrAll(spec.exportTo),
    subjectAltNames: spec.subjectAltNames ?? [],
    createdAt: context.createdAt,
    origin: originOf(resource, ['spec', 'hosts', index]),
  }))
}

function resolutionOf(spec: ServiceEntrySpec): Service['resolution'] {
  if (spec.resolution === 'DNS') return 'dns'
  return spec.resolution === 'DNS_ROUND_ROBIN' ? 'dns-round-robin' : 'endpoints'
}

function translateEndpoint(endpoint: EndpointSpec): StaticEndpoint {
  const { serviceAccount } = endpoint
  return {
    address: endpoint.address ?? '',
    ports: endpoint.ports ?? new Map(),
    labels: endpoint.labels ?? new Map(),
    weight: weightOf(endpoint.weight),
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
  }
}

/** Istio reads a weight of 0 as not set. */
function weightOf(weight: number | undefined): number {
  return weight === undefined || weight === 0 ? 1 : weight
}

function protocolOf(port: EntryPortSpec): Protocol {
  switch (port.protocol) {
    case 'HTTP':
      return 'http1'
    case 'HTTP2':
    // gRPC-Web travels over HTTP/2 between proxies and is no gRPC to them.
    case 'GRPC-WEB':
      return 'http2'
    case 'GRPC':
      return 'grpc'
    case 'HTTPS':
    case 'TLS':
      return 'tls'
    case 'UDP':
      return 'udp'
    default:
      return 'tcp'
  }
}
