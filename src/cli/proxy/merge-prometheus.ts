interface Family {
  readonly header: string[]
  readonly samples: Map<string, number>
  isPointInTime: boolean
}

/**
 * Joins the metrics of several processes (Prometheus text format 0.0.4): counters, histograms and gauges of the same name and labels are
 * summed; gauges that are points in time (`..._seconds`) give their latest.
 */
export function mergePrometheus(texts: readonly string[]): string {
  const families = new Map<string, Family>()
  for (const text of texts) addText(families, text)
  const lines: string[] = []
  for (const { header, samples } of families.values()) {
    lines.push(...header)
    for (const [series, value] of samples) lines.push(`${series} ${formatValue(value)}`)
  }
  return `${lines.join('\n')}\n`
}

function addText(families: Map<string, Family>, text: string): void {
  let name = ''
  for (const line of text.split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line)
    if (comment !== null) {
      name = comment[2] ?? ''
      const family = familyOf(families, name)
      if (!family.header.some((known) => known.startsWith(`# ${comment[1]} `))) family.header.push(line)
      if (comment[1] === 'TYPE') family.isPointInTime = comment[3] === 'gauge' && name.endsWith('_seconds')
      continue
    }
    const at = line.lastIndexOf(' ')
    if (at <= 0 || line.startsWith('#')) continue
    const series = line.slice(0, at)
    const value = parseValue(line.slice(at + 1))
    // A series without a header of its family has one of its own.
    const family = familyOf(families, name !== '' && series.startsWith(name) ? name : series)
    const before = family.samples.get(series)
    if (before === undefined) family.samples.set(series, value)
    else family.samples.set(series, family.isPointInTime ? Math.max(before, value) : before + value)
  }
}

function familyOf(families: Map<string, Family>, name: string): Family {
  const known = families.get(name)
  if (known !== undefined) return known
  const family: Family = { header: [], samples: new Map(), isPointInTime: false }
  families.set(name, family)
  return family
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  return Number(text)
}

function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
