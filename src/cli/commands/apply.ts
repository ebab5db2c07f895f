import { clientOf } from '../client.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { waitForEnforcement } from '../enforcement.ts'
import { renderValue } from '../output/print-value.ts'
import { printDiagnostics, reportingFaults } from '../output/render-diagnostics.ts'
import { type InputFile, readFiles } from '../read-files.ts'

/** `weft apply`: stores the objects of files, all or none; with `--wait` until the proxies acknowledged. */
export async function runApply(input: CommandInput): Promise<number> {
  const { context, options } = input
  const { terminal } = context
  const files = await readFiles(options.list('filename'), context)
  return reportingFaults(files, terminal, () => applyFiles(input, files))
}

async function applyFiles(input: CommandInput, files: readonly InputFile[]): Promise<number> {
  const { options, context } = input
  const { terminal } = context
  const client = clientOf(input)
  const answer = await client.apply({ files: [...files], namespace: options.text('namespace') ?? 'default' })
  printDiagnostics(answer.diagnostics, terminal, files)
  const format = options.text('output')
  if (format === 'json' || format === 'yaml') terminal.out(renderValue(answer, format))
  else
    for (const { kind, namespace, name, action } of answer.objects) {
      const paint = action === 'unchanged' ? terminal.color.dim : terminal.color.good
      terminal.out(`${kind} ${namespace}/${name} ${paint(action)}\n`)
    }
  if (!options.flag('wait')) return ExitCode.ok
  return waitForEnforcement(client, terminal, answer.revision, {
    timeoutMs: options.durationMs('timeout') ?? 30_000,
    print: format === 'table' ? terminal.out : terminal.err,
  })
}
