import { renderTable } from '../output/table.ts'
import type { Palette } from '../output/terminal.ts'
import { type EdgeCounts, type EdgeTable, quantile } from './edge-counts.ts'

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '-'
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`
}

/** A share in percent with one decimal; never rounded up to 100 when something failed. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '-'
  const value = (100 * part) / whole
  return `${value < 100 && value > 99.9 ? '99.9' : value.toFixed(1)}%`
}

function bar(share: number, color: Palette): string {
  const full = Math.round(share * 10)
  return color.accent('█'.repeat(full)) + color.dim('░'.repeat(10 - full))
}

function row(edge: EdgeCounts, pairTotal: number, seconds: number, color: Palette): readonly string[] {
  const success = percent(edge.good, edge.requests)
  const paint =
    edge.requests === 0
      ? color.dim
      : edge.good === edge.requests
        ? color.good
        : edge.good / edge.requests < 0.95
          ? color.bad
          : color.warn
  return [
    edge.source,
    color.dim('->'),
    edge.destination,
    color.bold(edge.version),
    (edge.requests / seconds).toFixed(1),
    bar(pairTotal === 0 ? 0 : edge.requests / pairTotal, color),
    percent(edge.requests, pairTotal),
    paint(success),
    milliseconds(quantile(edge.buckets, 0.5)),
    milliseconds(quantile(edge.buckets, 0.99)),
  ]
}

/**
 * The table of edges: source, destination service and version, requests per second, the version's share of the pair,
 * success, p50 and p99.
 *
 * @param edges What went over each edge in the last `seconds`.
 */
export function renderEdges(edges: EdgeTable, seconds: number, color: Palette): string {
  // Requests that nobody answered have no version; a line for them stands only while there are any.
  const shown = [...edges.values()].filter(({ requests, version }) => requests > 0 || version !== '-')
  const sorted = shown.toSorted((a, b) =>
    `${a.source} ${a.destination} ${a.version}` < `${b.source} ${b.destination} ${b.version}` ? -1 : 1,
  )
  const pairTotals = new Map<string, number>()
  for (const { source, destination, requests } of sorted) {
    const key = `${source} ${destination}`
    pairTotals.set(key, (pairTotals.get(key) ?? 0) + requests)
  }
  return renderTable(
    [
      { heading: 'FROM' },
      { heading: '' },
      { heading: 'TO' },
      { heading: 'VERSION' },
      { heading: 'REQ/S', align: 'right' },
      { heading: '' },
      { heading: 'SHARE', align: 'right' },
      { heading: 'SUCCESS', align: 'right' },
      { heading: 'P50', align: 'right' },
      { heading: 'P99', align: 'right' },
    ],
    sorted.map((edge) => row(edge, pairTotals.get(`${edge.source} ${edge.destination}`) ?? 0, seconds, color)),
  )
}
