import type { ProxyStatus, Status } from '../../control/rest/index.ts'
import { clientOf } from '../client.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { renderValue } from '../output/print-value.ts'
import { renderTable } from '../output/table.ts'
import type { Terminal } from '../output/terminal.ts'

/** Columns by the last part of the type URL. */
const typeColumns = [
  { heading: 'CDS', type: 'Cluster' },
  { heading: 'EDS', type: 'ClusterLoadAssignment' },
  { heading: 'LDS', type: 'Listener' },
  { heading: 'RDS', type: 'RouteConfiguration' },
  { heading: 'VHDS', type: 'VirtualHost' },
] as const

function typeCell(proxy: ProxyStatus, type: string, { color }: Terminal): string {
  const found = proxy.types.find(({ typeUrl }) => typeUrl.endsWith(`.${type}`))
  if (found === undefined || found.state === 'not-subscribed') return color.dim('-')
  const text = `${found.state} ${found.resources}`
  return found.state === 'synced' ? color.good(text) : found.state === 'rejected' ? color.bad(text) : color.warn(text)
}

function proxyRow(proxy: ProxyStatus, terminal: Terminal): readonly string[] {
  return [
    proxy.id,
    proxy.workload,
    proxy.namespace,
    proxy.connected ? terminal.color.good('yes') : terminal.color.bad('no'),
    ...typeColumns.map(({ type }) => typeCell(proxy, type, terminal)),
    String(proxy.acknowledgedRevision),
    proxy.userAgent,
  ]
}

/** The status for people: the control plane, a row for each proxy, then everything that went wrong. */
export function renderStatus(status: Status, terminal: Terminal): string {
  const { color } = terminal
  const head = `${color.bold('Control plane')} ${status.version}, trust domain ${status.trustDomain}, revision ${status.revision}, ${status.services} services, ${status.workloads} workloads\n`
  const table = renderTable(
    [
      { heading: 'PROXY' },
      { heading: 'WORKLOAD' },
      { heading: 'NAMESPACE' },
      { heading: 'CONNECTED' },
      ...typeColumns.map(({ heading }) => ({ heading })),
      { heading: 'REVISION', align: 'right' as const },
      { heading: 'AGENT' },
    ],
    status.proxies.map((proxy) => proxyRow(proxy, terminal)),
  )
  const rejections = status.proxies.flatMap(({ id, rejections: list }) =>
    list.flatMap(({ message, resources, origins, at }) => [
      `${color.bad('rejected')} by ${color.bold(id)} at ${at}: ${resources.join(', ')}: ${message}\n`,
      ...origins.map(
        ({ kind, namespace, name, file, line }) => `    from ${kind} ${namespace}/${name} (${file}:${line})\n`,
      ),
    ]),
  )
  const warnings = status.warnings.map(
    ({ code, message, origin }) =>
      `${color.warn('warning')}: ${origin.file}:${origin.line}: ${message} ${color.dim(`[${code}]`)}\n`,
  )
  return `${head}\n${status.proxies.length === 0 ? 'No proxies\n' : table}${rejections.join('')}${warnings.join('')}`
}

/** `weft status`. */
export async function runStatus(input: CommandInput): Promise<number> {
  const status = await clientOf(input).status()
  const format = input.options.text('output')
  const { terminal } = input.context
  terminal.out(format === 'json' || format === 'yaml' ? renderValue(status, format) : renderStatus(status, terminal))
  return ExitCode.ok
}
