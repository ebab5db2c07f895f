import { clientOf } from '../client.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { waitForEnforcement } from '../enforcement.ts'
import { renderValue } from '../output/print-value.ts'
import { renderDiagnostics } from '../output/render-diagnostics.ts'
import { readFiles } from '../read-files.ts'

/** `weft apply`: stores the objects of files, all or none; with `--wait` until the proxies acknowledged. */
export async function runApply(input: CommandInput): Promise<number> {
  const { context, options } = input
  const { terminal } = context
  const files = await readFiles(options.list('filename'), context)
  const client = clientOf(input)
  const answer = await client.apply({ files: [...files], namespace: options.text('namespace') ?? 'default' })
  terminal.err(renderDiagnostics(answer.diagnostics, terminal))
  const format = options.text('output')
  if (format === 'json' || format === 'yaml') terminal.out(renderValue(answer, format))
  else
    for (const { kind, namespace, name, action } of answer.objects) {
      const paint = action === 'unchanged' ? terminal.color.dim : terminal.color.good
      terminal.out(`${kind} ${namespace}/${name} ${paint(action)}\n`)
    }
  if (!options.flag('wait')) return ExitCode.ok
  return waitForEnforcement(client, terminal, answer.revision, options.durationMs('timeout') ?? 30_000)
}
