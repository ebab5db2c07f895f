import { clientOf } from '../client.ts'
import { type CommandInput, ExitCode } from '../command.ts'
import { diffLines } from '../output/diff-lines.ts'
import { renderValue } from '../output/print-value.ts'
import { printDiagnostics, reportingFaults } from '../output/render-diagnostics.ts'
import { type InputFile, readFiles } from '../read-files.ts'

/** `weft diff -f PATH`: the stored text against the files, object by object. */
export async function runDiff(input: CommandInput): Promise<number> {
  const { context, options } = input
  const { terminal } = context
  const files = await readFiles(options.list('filename'), context)
  return reportingFaults(files, terminal, () => diffFiles(input, files))
}

async function diffFiles(input: CommandInput, files: readonly InputFile[]): Promise<number> {
  const { options, context } = input
  const { terminal } = context
  const answer = await clientOf(input).diff({ files: [...files], namespace: options.text('namespace') ?? 'default' })
  printDiagnostics(answer.diagnostics, terminal, files)
  const changed = answer.objects.filter(({ action }) => action !== 'unchanged')
  const format = options.text('output')
  if (format === 'json' || format === 'yaml') terminal.out(renderValue({ ...answer, objects: changed }, format))
  else
    for (const { kind, namespace, name, action, before = '', after = '' } of changed) {
      terminal.out(`${terminal.color.bold(`${kind} ${namespace}/${name}`)} would be ${action}\n`)
      for (const line of diffLines(before, after)) {
        const paint = line.startsWith('+')
          ? terminal.color.good
          : line.startsWith('-')
            ? terminal.color.bad
            : terminal.color.dim
        terminal.out(`${paint(line)}\n`)
      }
    }
  if (changed.length === 0) terminal.err('No differences\n')
  return options.flag('exit-code') && changed.length > 0 ? ExitCode.failed : ExitCode.ok
}
