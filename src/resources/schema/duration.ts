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
/** Longest duration that is read, 366 days: what the proxy takes too. */
export const longestDurationMs = 366 * 24 * 3_600_000

/** Whole milliseconds of `1.5s`, `1h30m`, `200ms` or `0`; undefined for anything else, below 1 ms or above 366 days. */
export function parseDuration(written: string): number | undefined {
  const milliseconds = readMilliseconds(written)
  return milliseconds === undefined || milliseconds > longestDurationMs ? undefined : milliseconds
}

function readMilliseconds(written: string): number | undefined {
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
  return total > 0 && total < 1 ? undefined : Math.round(total)
}

/** Reads a duration in milliseconds. It must be 0, where that is allowed, or at least one millisecond, and at most `maxMs`. */
export function duration(options: { readonly zero: boolean; readonly maxMs?: number }): Reader<number> {
  const { zero, maxMs = longestDurationMs } = options
  const expected = `a duration such as 1.5s, 200ms or 1h30m, ${zero ? '0s or at least 1ms' : 'at least 1ms'}`
  return (value, place) => {
    if (typeof value !== 'string') {
      const remedy = typeof value === 'number' ? { remedy: `Give it a unit: ${value}s` } : {}
      return place.report({ code: 'WEFT_FIELD_TYPE', expected, got: describeValue(value), ...remedy })
    }
    const milliseconds = readMilliseconds(value)
    const got = describeValue(value)
    if (milliseconds !== undefined && milliseconds > maxMs) {
      return place.report({ code: 'WEFT_FIELD_VALUE', expected: `at most ${Math.floor(maxMs / 1000)}s`, got })
    }
    if (milliseconds !== undefined && (milliseconds > 0 || zero)) return milliseconds
    return place.report({ code: 'WEFT_FIELD_VALUE', expected, got })
  }
}
