import type { ErrorResponse } from '../../control/rest/index.ts'
import type { Terminal } from './terminal.ts'

type WireDiagnostic = NonNullable<ErrorResponse['diagnostics']>[number]

/** Faults of users' files as `file:line:column: severity: field: message`, each with what to do about it. */
export function renderDiagnostics(diagnostics: readonly WireDiagnostic[], { color }: Pick<Terminal, 'color'>): string {
  return diagnostics
    .map((diagnostic) => {
      const paint =
        diagnostic.severity === 'error' ? color.bad : diagnostic.severity === 'warning' ? color.warn : color.accent
      const place = `${diagnostic.file}:${diagnostic.line}:${diagnostic.column}`
      const what = [diagnostic.resource, diagnostic.field].filter((text) => text !== '').join(' ')
      const remedy = diagnostic.remedy === undefined ? '' : `    ${color.accent('help')}: ${diagnostic.remedy}\n`
      return `${color.bold(place)}: ${paint(diagnostic.severity)}: ${what === '' ? '' : `${what}: `}${diagnostic.message} ${color.dim(`[${diagnostic.code}]`)}\n${remedy}`
    })
    .join('')
}
