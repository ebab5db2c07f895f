import type { Service, ServicePort, StaticEndpoint } from '../../model/index.ts'
import { originOf, type Resource } from '../../resources/index.ts'
import type { TranslateContext } from '../contract.ts'
import { protocolOf } from './protocol.ts'
import type { ServicePortSpec, ServiceSpec } from './schema.ts'

/** Annotation of a Service that lists the namespaces that may see it. */
const exportToAnnotation = 'networking.istio.io/exportTo'

/** What a Service means: a host of the mesh with ports and a selector, or, for an ExternalName, a name to resolve. */
export function translateService(resource: Resource, spec: ServiceSpec, context: TranslateContext): Service {
  const external = spec.type === 'ExternalName'
  return {
    host: `${resource.name}.${resource.namespace}.${context.settings.serviceDomain}`,
    namespace: resource.namespace,
    name: resource.name,
    ports: (spec.ports ?? []).filter((port) => port.protocol !== 'SCTP').map(translatePort),
    selector: external ? new Map() : (spec.selector ?? new Map()),
    resolution: external ? 'dns' : 'endpoints',
    location: external ? 'external' : 'mesh',
    staticEndpoints: external && spec.externalName !== undefined ? [endpointOf(spec.externalName)] : [],
    addresses: external ? [] : addressesOf(spec),
    exportTo: exportToOf(resource),
    subjectAltNames: [],
    createdAt: context.createdAt,
    origin: originOf(resource),
  }
}

function translatePort(port: ServicePortSpec): ServicePort {
  return {
    number: port.port,
    name: port.name ?? '',
    protocol: protocolOf(port) ?? 'tcp',
    targetPort: port.targetPort ?? port.port,
  }
}

function addressesOf(spec: ServiceSpec): readonly string[] {
  const given = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])
  return given.filter((address) => address !== '' && address !== 'None')
}

function endpointOf(address: string): StaticEndpoint {
  return { address, ports: new Map(), labels: new Map(), weight: 1 }
}

function exportToOf(resource: Resource): readonly string[] {
  const listed = (resource.annotations.get(exportToAnnotation) ?? '').split(',').map((name) => name.trim())
  const named = listed.filter((name) => name !== '')
  return named.length === 0 ? ['*'] : named
}
