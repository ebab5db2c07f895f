const unitMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** Milliseconds of a duration with a unit (`500ms`, `1.5s`, `2m`, `1h`), or nothing if it is not one. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  const unit = unitMs.get(match?.[2] ?? '')
  if (match === null || unit === undefined) return undefined
  return Math.round(Number(match[1]) * unit)
}
