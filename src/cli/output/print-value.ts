import { stringify } from 'yaml'

/** The formats of `-o`. */
export const outputFormats = ['table', 'json', 'yaml'] as const

/** One of the formats of `-o`. */
export type OutputFormat = (typeof outputFormats)[number]

/** A value in the machine-readable formats; `table` is each command's own. */
export function renderValue(value: unknown, format: Exclude<OutputFormat, 'table'>): string {
  return format === 'json' ? `${JSON.stringify(value, undefined, 2)}\n` : stringify(value, { lineWidth: 0 })
}
