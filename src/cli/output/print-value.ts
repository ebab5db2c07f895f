import { stringify } from 'yaml'
import type { OutputFormat } from './output-formats.ts'

/** A value in the machine-readable formats; `table` is each command's own. */
export function renderValue(value: unknown, format: Exclude<OutputFormat, 'table'>): string {
  return format === 'json' ? `${JSON.stringify(value, undefined, 2)}\n` : stringify(value, { lineWidth: 0 })
}
