import type { StoredResource, WorkloadList } from '../../control/rest/index.ts'
import { clientOf } from '../client.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { findKind } from '../kinds.ts'
import { renderValue } from '../output/print-value.ts'
import { renderTable } from '../output/table.ts'

/** Rows for people: where an object was written matters as much as its name. */
export function resourceTable(resources: readonly StoredResource[], withKind: boolean): string {
  const kindColumn = withKind ? [{ heading: 'KIND' }] : []
  return renderTable(
    [
      ...kindColumn,
      { heading: 'NAMESPACE' },
      { heading: 'NAME' },
      { heading: 'FROM' },
      { heading: 'REVISION', align: 'right' },
      { heading: 'REMARKS', align: 'right' },
    ],
    resources.map(({ kind, namespace, name, file, line, revision, remarks }) => [
      ...(withKind ? [kind] : []),
      namespace,
      name,
      `${file}:${line}`,
      String(revision),
      remarks.length === 0 ? '-' : String(remarks.length),
    ]),
  )
}

/** Documents as the user wrote them, in one YAML stream. */
export function resourceYaml(resources: readonly Pick<StoredResource, 'text'>[]): string {
  return resources.map(({ text }) => (text.endsWith('\n') ? text : `${text}\n`)).join('---\n')
}

function workloadTable(list: WorkloadList): string {
  return renderTable(
    [
      { heading: 'NAMESPACE' },
      { heading: 'ID' },
      { heading: 'WORKLOAD' },
      { heading: 'HEALTH' },
      { heading: 'PORTS' },
      { heading: 'ACCOUNT' },
    ],
    list.workloads.map(({ id, namespace, name, health, ports, serviceAccount }) => [
      namespace,
      id,
      name,
      health,
      ports.map(({ port, meshPort }) => `${port}->${meshPort}`).join(',') || '-',
      serviceAccount,
    ]),
  )
}

async function getWorkloads(input: CommandInput, namespace: string | undefined): Promise<number> {
  const { context, options, args } = input
  const all = await clientOf(input).listWorkloads()
  const workloads = all.workloads.filter(
    (workload) =>
      (namespace === undefined || workload.namespace === namespace) &&
      (args[1] === undefined || workload.id === args[1]),
  )
  const format = options.text('output')
  context.terminal.out(
    format === 'json' || format === 'yaml' ? renderValue({ workloads }, format) : workloadTable({ workloads }),
  )
  return args[1] !== undefined && workloads.length === 0 ? ExitCode.failed : ExitCode.ok
}

/** `weft get KIND [NAME]`. */
export async function runGet(input: CommandInput): Promise<number> {
  const { context, options, args } = input
  const [kindText = '', name] = args
  const namespace = options.flag('all-namespaces') ? undefined : (options.text('namespace') ?? 'default')
  if (/^workloads?$/i.test(kindText)) return getWorkloads(input, namespace)
  const client = clientOf(input)
  const kind = kindText === 'all' ? undefined : findKind(kindText)
  let resources: readonly StoredResource[]
  if (name !== undefined && kind !== undefined)
    resources = [await client.getResource({ ...kind, namespace: namespace ?? 'default', name })]
  else
    resources = (
      await client.listResources({
        ...(kind === undefined ? {} : { kind: kind.kind }),
        ...(namespace === undefined ? {} : { namespace }),
      })
    ).resources
  const format = options.text('output')
  if (format === 'yaml') context.terminal.out(resourceYaml(resources))
  else if (format === 'json') context.terminal.out(renderValue({ resources }, format))
  else if (resources.length === 0) context.terminal.err('No objects found\n')
  else context.terminal.out(resourceTable(resources, kind === undefined))
  return ExitCode.ok
}
