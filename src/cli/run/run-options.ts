import { UsageError } from '../cli-error.ts'
import type { CommandInput } from '../command.ts'

/** A port of the workload as asked for. */
export interface PortRequest {
  readonly name: string
  /** The port that services target. */
  readonly port: number
  /** Where the application listens on loopback; `auto` takes a free one. */
  readonly applicationPort: number | 'auto'
}

/** What `weft run` is to do. */
export interface RunOptions {
  readonly service: string
  readonly version: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly PortRequest[]
  readonly protocol: 'http1' | 'http2' | 'grpc' | 'tcp' | undefined
  readonly upstreams: readonly { readonly host: string; readonly port: number }[]
  readonly weight: number
  readonly id: string | undefined
  readonly transparent: boolean
  readonly dataPlane: 'weft' | 'envoy'
  readonly readyPath: string | undefined
  readonly readyTimeoutMs: number
  readonly drainTimeoutMs: number
  /** The application. */
  readonly command: readonly string[]
}

const protocols = ['http1', 'http2', 'grpc', 'tcp'] as const

/** What a port without a name is called: names begin with their protocol, as those of a Kubernetes Service. */
const portNames = { http1: 'http', http2: 'http2', grpc: 'grpc', tcp: 'tcp' } as const

const nameSyntax = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

function portNumber(text: string): number | undefined {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return value >= 1 && value <= 65_535 ? value : undefined
}

/**
 * Reads `[NAME:]PORT[:APPLICATION_PORT|auto]`. Without an application port it is the same as the port; without a name
 * the port is called after its protocol.
 *
 * @throws {UsageError} If it is anything else.
 */
export function parsePort(text: string, protocol?: RunOptions['protocol']): PortRequest {
  const wrong = () =>
    new UsageError(
      `Expected [NAME:]PORT[:APPLICATION_PORT|auto] for --port, got ${text}`,
      'For example 9080, 9080:auto, http:9080:3000 or grpc:9090',
    )
  const parts = text.split(':')
  const first = parts[0] ?? ''
  const named = nameSyntax.test(first) && portNumber(first) === undefined
  const [portText = '', applicationText, ...rest] = named ? parts.slice(1) : parts
  const port = portNumber(portText)
  if (port === undefined || rest.length > 0) throw wrong()
  const applicationPort =
    applicationText === undefined ? port : applicationText === 'auto' ? 'auto' : portNumber(applicationText)
  if (applicationPort === undefined) throw wrong()
  return { name: named ? first : portNames[protocol ?? 'http1'], port, applicationPort }
}

/** Gives ports that would share a name one with their number: `http-9090`. */
function distinctNames(ports: readonly PortRequest[]): readonly PortRequest[] {
  const seen = new Set<string>()
  return ports.map((port) => {
    const name = seen.has(port.name) ? `${port.name}-${port.port}` : port.name
    seen.add(name)
    return { ...port, name }
  })
}

function parseUpstream(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':')
  const port = portNumber(text.slice(at + 1))
  const host = text.slice(0, at).toLowerCase()
  if (at <= 0 || port === undefined || !host.split('.').every((label) => nameSyntax.test(label)))
    throw new UsageError(`Expected HOST:PORT for --upstream, got ${text}`, 'For example mongodb:27017')
  return { host, port }
}

function parseLabels(list: readonly string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  for (const text of list) {
    const at = text.indexOf('=')
    if (at <= 0) throw new UsageError(`Expected KEY=VALUE for --label, got ${text}`)
    labels[text.slice(0, at)] = text.slice(at + 1)
  }
  return labels
}

function checkedName(value: string, option: string): string {
  if (!nameSyntax.test(value))
    throw new UsageError(
      `Expected lower-case letters, digits and dashes for --${option}, got ${value}`,
      'Names follow the rules of Kubernetes (RFC 1123 label)',
    )
  return value
}

/**
 * The options of `weft run`, checked.
 *
 * @throws {UsageError} If one of them is malformed, or two ports are the same.
 */
export function parseRunOptions({ options, args }: Pick<CommandInput, 'options' | 'args'>): RunOptions {
  const chosen = options.text('protocol')
  const protocol = protocols.find((each) => each === chosen)
  const service = checkedName(options.text('service') ?? '', 'service')
  const version = options.text('version') ?? 'v1'
  const ports = distinctNames(options.list('port').map((text) => parsePort(text, protocol)))
  if (new Set(ports.map(({ port }) => port)).size !== ports.length)
    throw new UsageError('Expected every --port to name another port', 'Leave out the one that is given twice')
  const weight = Number(options.text('weight') ?? '1')
  if (!Number.isInteger(weight) || weight < 0 || weight > 1_000_000)
    throw new UsageError(`Expected a whole number from 0 to 1000000 for --weight, got ${options.text('weight')}`)
  const readyPath = options.text('ready-path')
  if (readyPath !== undefined && !readyPath.startsWith('/'))
    throw new UsageError(`Expected a path that begins with / for --ready-path, got ${readyPath}`)
  if (readyPath !== undefined && ports.length === 0) throw new UsageError('Expected a --port for --ready-path to ask')
  const id = options.text('id')
  return {
    service,
    version,
    namespace: checkedName(options.text('namespace') ?? 'default', 'namespace'),
    serviceAccount: options.text('service-account') ?? 'default',
    labels: { app: service, version, ...parseLabels(options.list('label')) },
    ports,
    protocol,
    upstreams: options.list('upstream').map(parseUpstream),
    weight,
    id: id === undefined ? undefined : checkedName(id, 'id'),
    transparent: options.flag('transparent'),
    dataPlane: options.text('data-plane') === 'envoy' ? 'envoy' : 'weft',
    readyPath,
    readyTimeoutMs: options.durationMs('ready-timeout') ?? 60_000,
    drainTimeoutMs: options.durationMs('drain-timeout') ?? 10_000,
    command: args,
  }
}
