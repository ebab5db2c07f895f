import { randomBytes } from 'node:crypto'
import type { TcpServices, WorkloadInput } from '../../control/rest/index.ts'
import type { RunOptions } from './run-options.ts'
import { type PortReservation, reservePorts } from './reserve-ports.ts'

/** A TCP service with the loopback port by which the application reaches it. */
export interface PlannedUpstream {
  readonly host: string
  /** As the application's variables spell it: the first label of the host. */
  readonly name: string
  readonly port: number
  readonly loopbackPort: number
}

/** Everything that is decided before anything starts. */
export interface WorkloadPlan {
  readonly id: string
  /** Name of the owning deployment, for metrics. */
  readonly workload: string
  readonly adminPort: number
  readonly httpProxyPort: number
  readonly transparentPort: number | undefined
  readonly dnsPort: number | undefined
  readonly ports: readonly {
    readonly name: string
    readonly port: number
    readonly applicationPort: number
    readonly meshPort: number
  }[]
  readonly upstreams: readonly PlannedUpstream[]
  readonly release: PortReservation['release']
}

/** Letters that survive in an id; versions may hold dots. */
function idPart(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-')
}

function newId(workload: string): string {
  return `${workload}-${randomBytes(4).toString('hex').slice(0, 6)}`
}

/** The TCP services to expose: those that the user names first, then those of the mesh; one entry for each host and port. */
export function chooseUpstreams(
  options: Pick<RunOptions, 'namespace' | 'upstreams'>,
  services: TcpServices['services'],
): readonly Omit<PlannedUpstream, 'loopbackPort'>[] {
  const chosen = new Map<string, Omit<PlannedUpstream, 'loopbackPort'>>()
  const add = (host: string, name: string, port: number) => {
    if (!chosen.has(`${host}:${port}`)) chosen.set(`${host}:${port}`, { host, name, port })
  }
  for (const { host, port } of options.upstreams) {
    const known = services.find(
      (service) =>
        service.port === port && (service.host === host || service.host.startsWith(`${host}.${options.namespace}.`)),
    )
    const qualified = host.includes('.') ? host : `${host}.${options.namespace}.svc.cluster.local`
    add(known?.host ?? qualified, host.split('.')[0] ?? host, port)
  }
  // The namespace's own come first: of two services with one name, its variables are theirs.
  const own = `.${options.namespace}.svc.`
  const sorted = services.toSorted((a, b) => Number(b.host.includes(own)) - Number(a.host.includes(own)))
  for (const { host, name, port } of sorted) add(host, name, port)
  return [...chosen.values()]
}

/**
 * Decides id and ports of a workload. Nobody tells it which ports it may use: it takes free loopback ports and keeps them
 * until `release`.
 */
export async function planWorkload(options: RunOptions, services: TcpServices['services']): Promise<WorkloadPlan> {
  const upstreams = chooseUpstreams(options, services)
  const automatic = options.ports.filter(({ applicationPort }) => applicationPort === 'auto').length
  const count = 2 + options.ports.length + automatic + upstreams.length + (options.transparent ? 2 : 0)
  const { ports, release } = await reservePorts(count)
  const left = [...ports]
  const take = () => left.shift() ?? 0
  const workload = `${idPart(options.service)}-${idPart(options.version)}`
  return {
    id: options.id ?? newId(workload),
    workload,
    adminPort: take(),
    httpProxyPort: take(),
    transparentPort: options.transparent ? take() : undefined,
    dnsPort: options.transparent ? take() : undefined,
    ports: options.ports.map(({ name, port, applicationPort }) => ({
      name,
      port,
      applicationPort: applicationPort === 'auto' ? take() : applicationPort,
      meshPort: take(),
    })),
    upstreams: upstreams.map((upstream) => ({ ...upstream, loopbackPort: take() })),
    release,
  }
}

/** The registration of a planned workload, without its health. */
export function toRegistration(options: RunOptions, plan: WorkloadPlan): Omit<WorkloadInput, 'health'> {
  return {
    namespace: options.namespace,
    service: options.service,
    name: plan.workload,
    labels: { ...options.labels },
    serviceAccount: options.serviceAccount,
    address: '127.0.0.1',
    ports: plan.ports.map((port) => ({
      ...port,
      ...(options.protocol === undefined ? {} : { protocol: options.protocol }),
    })),
    weight: options.weight,
    placement: {
      inboundAddress: '127.0.0.1',
      httpProxyPort: plan.httpProxyPort,
      ...(plan.transparentPort === undefined ? {} : { transparentPort: plan.transparentPort }),
      ...(plan.dnsPort === undefined ? {} : { dnsPort: plan.dnsPort }),
      tcpUpstreams: plan.upstreams.map(({ host, port, loopbackPort }) => ({ host, port, loopbackPort })),
    },
  }
}
