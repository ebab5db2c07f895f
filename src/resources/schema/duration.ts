import { describeValue } from '../describe-value.ts'
import type { Reader } from './collections.ts'

const part = /(\d+(?:\.\d+)?|\.\d+)(h|ms|us|µs|m|s|ns)/y
const unitMs: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
}
const longestMs = 10 * 365 * 24 * 3_600_000

/** Whole milliseconds of `1.5s`, `1h30m`, `200ms` or `0`; undefined for anything else, below 1 ms or above ten years. */
export function parseDuration(written: string): number | undefined {
  if (written === '0') return 0
  if (written === '' || written.length > 64) return undefined
  let total = 0
  part.lastIndex = 0
  while (part.lastIndex < written.length) {
    const match = part.exec(written)
    const unit = match === null ? undefined : unitMs[match[2] ?? '']
    if (match === null || unit === undefined) return undefined
    total += Number(match[1]) * unit
  }
  if (total > longestMs || (total > 0 && total < 1)) return undefined
  return Math.round(total)
}

/** Reads a duration in milliseconds. It must be 0, where that is allowed, or at least one millisecond. */
export function duration(options: { readonly zero: boolean }): Reader<number> {
  const expected = `a duration such as 1.5s, 200ms or 1h30m, ${options.zero ? '0s or at least 1ms' : 'at least 1ms'}`
  return (value, place) => {
    if (typeof value !== 'string') {
      const remedy = typeof value === 'number' ? { remedy: `Give it a unit: ${value}s` } : {}
      return place.report({ code: 'WEFT_FIELD_TYPE', expected, got: describeValue(value), ...remedy })
    }
    const milliseconds = parseDuration(value)
    if (milliseconds !== undefined && (milliseconds > 0 || options.zero)) return milliseconds
    return place.report({ code: 'WEFT_FIELD_VALUE', expected, got: describeValue(value) })
  }
}
