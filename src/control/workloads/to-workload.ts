import type { Service, ServicePort, Workload } from '../../model/index.ts'
import type { WorkloadRecord } from './workload-record.ts'

/** What a registration is in the mesh model. Its labels always say which service it belongs to (`app`). */
export function toWorkload(record: WorkloadRecord): Workload {
  const { inboundAddress, httpProxyPort, transparentPort, dnsPort, tcpUpstreams } = record.placement
  return {
    id: record.id,
    namespace: record.namespace,
    name: record.name,
    labels: new Map(Object.entries(workloadLabels(record))),
    serviceAccount: record.serviceAccount,
    spiffeId: record.spiffeId,
    address: record.address,
    ports: record.ports.map(({ protocol, ...port }) => ({ ...port, ...(protocol === undefined ? {} : { protocol }) })),
    weight: record.weight,
    meshed: true,
    health: record.health,
    proxy: {
      inboundAddress,
      httpProxyPort,
      ...(transparentPort === undefined ? {} : { transparentPort }),
      ...(dnsPort === undefined ? {} : { dnsPort }),
      tcpUpstreams,
    },
    createdAt: record.createdAt,
    origin: originOfRegistration(record),
  }
}

function workloadLabels(record: WorkloadRecord): Readonly<Record<string, string>> {
  return record.service === '' ? record.labels : { app: record.service, ...record.labels }
}

function originOfRegistration(record: WorkloadRecord) {
  return { kind: 'Workload', namespace: record.namespace, name: record.id, file: 'weft run', line: 0 }
}

/**
 * Services that registered workloads imply, so that `weft run --service reviews --port 9080` needs no YAML: one for each
 * (namespace, service) for which `isDefined` does not hold, with the ports of its workloads. Where workloads disagree
 * about a port, the oldest decides.
 */
export function impliedServices(
  records: readonly WorkloadRecord[],
  serviceDomain: string,
  isDefined: (namespace: string, name: string) => boolean,
): readonly Service[] {
  const services = new Map<string, Service & { readonly ports: ServicePort[] }>()
  for (const record of records.toSorted(byAge)) {
    const { namespace, service: name } = record
    if (name === '' || record.ports.length === 0 || isDefined(namespace, name)) continue
    const host = `${name}.${namespace}.${serviceDomain}`
    let service = services.get(host)
    if (service === undefined) {
      service = impliedService(record, host)
      services.set(host, service)
    }
    for (const port of record.ports) {
      if (service.ports.some((other) => other.number === port.port)) continue
      const protocol = port.protocol ?? protocolOfName(port.name)
      service.ports.push({ number: port.port, name: port.name, protocol, targetPort: port.port })
    }
  }
  return [...services.values()]
}

function impliedService(record: WorkloadRecord, host: string): Service & { readonly ports: ServicePort[] } {
  const { namespace, service: name, createdAt } = record
  return {
    host,
    namespace,
    name,
    ports: [],
    selector: new Map([['app', name]]),
    resolution: 'endpoints',
    location: 'mesh',
    staticEndpoints: [],
    addresses: [],
    exportTo: ['*'],
    subjectAltNames: [],
    createdAt,
    origin: { kind: 'Service', namespace, name, file: 'weft run', line: 0 },
  }
}

function byAge(a: WorkloadRecord, b: WorkloadRecord): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1
  return a.id < b.id ? -1 : 1
}

/** As for a Service's port names (`http-web`, `grpc`); a name that says nothing is HTTP, what `weft run` is mostly for. */
function protocolOfName(name: string): ServicePort['protocol'] {
  const prefix = name.split('-')[0]
  if (prefix === 'grpc' || prefix === 'http2' || prefix === 'tcp' || prefix === 'tls') return prefix
  return 'http1'
}
