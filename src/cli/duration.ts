const unitMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** 366 days, as in files: what is longer is a slip of the hand. */
const longestMs = 366 * 24 * 3_600_000

/** Milliseconds of a duration with a unit (`500ms`, `1.5s`, `2m`, `1h`), or nothing if it is not one or above 366 days. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  const unit = unitMs.get(match?.[2] ?? '')
  if (match === null || unit === undefined) return undefined
  const milliseconds = Math.round(Number(match[1]) * unit)
  return milliseconds > longestMs ? undefined : milliseconds
}
