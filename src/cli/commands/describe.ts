import type { Status, StoredResource } from '../../control/rest/index.ts'
import { clientOf } from '../client.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { findKind } from '../kinds.ts'
import { renderValue } from '../output/print-value.ts'
import { printDiagnostics } from '../output/render-diagnostics.ts'
import type { Terminal } from '../output/terminal.ts'

interface Named {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** An origin's kind carries its group (`VirtualService.networking.istio.io`); a stored object's does not. */
function sameObject(origin: Named, resource: Named): boolean {
  return (
    origin.kind.split('.')[0] === resource.kind &&
    origin.namespace === resource.namespace &&
    origin.name === resource.name
  )
}

/** What the control plane and the proxies have to say about one object. */
function findings(resource: StoredResource, status: Status) {
  return {
    warnings: status.warnings.filter(({ origin }) => sameObject(origin, resource)),
    rejections: status.proxies.flatMap(({ id, rejections }) =>
      rejections
        .filter(({ origins }) => origins.some((origin) => sameObject(origin, resource)))
        .map((rejection) => ({ proxy: id, ...rejection })),
    ),
  }
}

function render(resource: StoredResource, found: ReturnType<typeof findings>, terminal: Terminal): string {
  const { color } = terminal
  const lines = [
    `${color.bold('Kind')}:      ${resource.kind} (${resource.apiVersion})`,
    `${color.bold('Name')}:      ${resource.namespace}/${resource.name}`,
    `${color.bold('From')}:      ${resource.file}:${resource.line}`,
    `${color.bold('Revision')}:  ${resource.revision}`,
  ]
  for (const { code, message, origin } of found.warnings)
    lines.push(`${color.warn('warning')}: ${origin.file}:${origin.line}: ${message} ${color.dim(`[${code}]`)}`)
  for (const { proxy, message, resources } of found.rejections)
    lines.push(`${color.bad('rejected')} by ${proxy}: ${resources.join(', ')}: ${message}`)
  const text = resource.text.endsWith('\n') ? resource.text : `${resource.text}\n`
  return `${lines.join('\n')}\n\n${text}`
}

/** The object's text at the line where it stands in its file, so that positions in the file fit. */
function withLinesBefore({ line, text }: StoredResource): string {
  return '\n'.repeat(Math.max(0, line - 1)) + text
}

/** `weft describe KIND NAME`. */
export async function runDescribe(input: CommandInput): Promise<number> {
  const { context, options, args } = input
  const [kindText = '', name = ''] = args
  const kind = findKind(kindText)
  const client = clientOf(input)
  const [resource, status] = await Promise.all([
    client.getResource({ ...kind, namespace: options.text('namespace') ?? 'default', name }),
    client.status(),
  ])
  const found = findings(resource, status)
  const format = options.text('output')
  if (format === 'json' || format === 'yaml') context.terminal.out(renderValue({ ...resource, ...found }, format))
  else {
    context.terminal.out(render(resource, found, context.terminal))
    printDiagnostics(resource.remarks, context.terminal, [{ path: resource.file, text: withLinesBefore(resource) }])
  }
  return ExitCode.ok
}
