import { ApiError, type ErrorResponse } from '../../control/rest/index.ts'
import { type Diagnostic, renderDiagnostic } from '../../resources/index.ts'
import { ExitCode } from '../command.ts'
import type { InputFile } from '../read-files.ts'
import type { Terminal } from './terminal.ts'

/** A diagnostic as it comes over the REST API. */
export type WireDiagnostic = NonNullable<ErrorResponse['diagnostics']>[number]

/** On the wire absent fields may be spelled `undefined`; in the program they are not there. */
function toDiagnostic({ expected, got, remedy, ...rest }: WireDiagnostic): Diagnostic {
  return {
    ...rest,
    ...(expected === undefined ? {} : { expected }),
    ...(got === undefined ? {} : { got }),
    ...(remedy === undefined ? {} : { remedy }),
  }
}

/** Faults of users' files, one after the other, with the line of the file where the file is at hand; the place is coloured by severity. */
export function printDiagnostics(
  diagnostics: readonly WireDiagnostic[],
  terminal: Pick<Terminal, 'color' | 'err'>,
  files: readonly InputFile[] = [],
): void {
  const { color } = terminal
  const texts = new Map(files.map(({ path, text }) => [path, text]))
  for (const wire of diagnostics) {
    const paint = wire.severity === 'error' ? color.bad : wire.severity === 'warning' ? color.warn : color.accent
    const place = `${wire.file}:${wire.line}:${wire.column}`
    const text = renderDiagnostic(toDiagnostic(wire), texts.get(wire.file))
    terminal.err(`${text.startsWith(place) ? paint(place) + text.slice(place.length) : text}\n`)
  }
}

/** Does what files ask for; when the files are faulty, prints every fault with its line and answers exit code 1. */
export async function reportingFaults(
  files: readonly InputFile[],
  terminal: Terminal,
  action: () => Promise<number>,
): Promise<number> {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof ApiError) || error.diagnostics.length === 0) throw error
    printDiagnostics(error.diagnostics, terminal, files)
    const faults = error.diagnostics.filter(({ severity }) => severity === 'error').length
    terminal.err(
      `${terminal.color.bad('error')}: ${faults} ${faults === 1 ? 'fault' : 'faults'}; nothing was stored ${terminal.color.dim(`[${error.code}]`)}\n`,
    )
    return ExitCode.failed
  }
}
