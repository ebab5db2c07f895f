import type { Sample } from './parse-prometheus.ts'

/** What went over one edge so far, as the proxies at its source counted it. */
export interface EdgeCounts {
  readonly source: string
  readonly destination: string
  /** Version that answered; `-` when none did (a fault, no healthy workload). */
  readonly version: string
  readonly requests: number
  /** Answered below 500. */
  readonly good: number
  /** Cumulative counts by upper bound in milliseconds, ascending. */
  readonly buckets: readonly (readonly [upperMs: number, count: number])[]
}

/** Counts by edge. */
export type EdgeTable = ReadonlyMap<string, EdgeCounts>

interface Building {
  source: string
  destination: string
  version: string
  requests: number
  good: number
  buckets: Map<number, number>
}

function known(value: string | undefined): string {
  return value === undefined || value === '' || value === 'unknown' ? '-' : value
}

/** Sums the client-side metrics (`reporter="source"`) of all proxies by source workload, destination service and version. */
export function edgeCounts(samples: readonly Sample[]): EdgeTable {
  const edges = new Map<string, Building>()
  for (const { name, labels, value } of samples) {
    if (labels.get('reporter') !== 'source') continue
    const total = name === 'istio_requests_total'
    if (!total && name !== 'istio_request_duration_milliseconds_bucket') continue
    const source = known(labels.get('source_workload'))
    const destination = known(labels.get('destination_service_name'))
    const version = known(labels.get('destination_version'))
    const key = `${source} ${destination} ${version}`
    const edge = edges.get(key) ?? { source, destination, version, requests: 0, good: 0, buckets: new Map() }
    edges.set(key, edge)
    if (total) {
      edge.requests += value
      const status = Number(labels.get('response_code'))
      if (status > 0 && status < 500) edge.good += value
    } else {
      const bound = labels.get('le') === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.get('le'))
      edge.buckets.set(bound, (edge.buckets.get(bound) ?? 0) + value)
    }
  }
  return new Map(
    [...edges].map(([key, edge]) => [key, { ...edge, buckets: [...edge.buckets].toSorted(([a], [b]) => a - b) }]),
  )
}

/** What went over each edge between two looks; an edge whose counts fell (its proxy was restarted) counts from nothing. */
export function edgeDifference(before: EdgeTable, after: EdgeTable): EdgeTable {
  return new Map(
    [...after].map(([key, now]) => {
      const then = before.get(key)
      if (then === undefined || then.requests > now.requests) return [key, now]
      const earlier = new Map(then.buckets)
      return [
        key,
        {
          ...now,
          requests: now.requests - then.requests,
          good: now.good - then.good,
          buckets: now.buckets.map(([bound, count]) => [bound, count - (earlier.get(bound) ?? 0)] as const),
        },
      ]
    }),
  )
}

/**
 * A quantile of a cumulative histogram by linear interpolation inside its bucket, as Prometheus does it; nothing when the
 * histogram is empty. Above the last finite bound it is that bound.
 */
export function quantile(buckets: EdgeCounts['buckets'], share: number): number | undefined {
  const total = buckets.at(-1)?.[1] ?? 0
  if (total <= 0) return undefined
  const rank = share * total
  let lowerBound = 0
  let lowerCount = 0
  for (const [bound, count] of buckets) {
    if (count >= rank && count > lowerCount) {
      if (!Number.isFinite(bound)) return lowerBound
      return lowerBound + ((bound - lowerBound) * (rank - lowerCount)) / (count - lowerCount)
    }
    lowerBound = bound
    lowerCount = count
  }
  return lowerBound
}
