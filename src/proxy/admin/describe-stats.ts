import { compileRegularExpression } from '../route/index.ts'
import type { AdminSource } from './admin-source.ts'
import { AdminLimits } from './limits.ts'
import { badRequest, json, prometheus, text } from './replies.ts'

interface Sample {
  /** Metric and labels as Prometheus writes them. */
  readonly line: string
  readonly family: string
  readonly kind: string
  /** Envoy's dotted name. */
  readonly name: string
  readonly value: number
}

/** `/stats`: text by default, `?format=json|prometheus`; `filter` is a regular expression on Envoy's names, `usedonly` leaves out zeros. */
export function describeStats(source: AdminSource, query: URLSearchParams): Response {
  const format = query.get('format') ?? 'text'
  if (format === 'prometheus') return describePrometheus(source, query)
  if (format !== 'text' && format !== 'json') return badRequest('Expected format text, json or prometheus')
  const chosen = choose(source.metrics(), query)
  if (typeof chosen === 'string') return badRequest(chosen)
  const plain = chosen
    .filter(({ kind }) => kind !== 'histogram')
    .map(({ name, value }) => ({ name, value }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  if (format === 'json') return json({ stats: plain })
  return text(plain.map(({ name, value }) => `${name}: ${value}\n`).join(''))
}

/** `/stats/prometheus`, with the same `filter` and `usedonly`. */
export function describePrometheus(source: AdminSource, query: URLSearchParams): Response {
  const body = source.metrics()
  if (!query.has('filter') && !query.has('usedonly')) return prometheus(body)
  const chosen = choose(body, query)
  if (typeof chosen === 'string') return badRequest(chosen)
  const lines: string[] = []
  let family = ''
  for (const sample of chosen) {
    if (sample.family !== family) lines.push(`# TYPE ${sample.family} ${sample.kind}`)
    family = sample.family
    lines.push(sample.line)
  }
  return prometheus(`${lines.join('\n')}\n`)
}

function choose(body: string, query: URLSearchParams): readonly Sample[] | string {
  const pattern = query.get('filter') ?? ''
  if (pattern.length > AdminLimits.filterBytes) return `Expected a filter of at most ${AdminLimits.filterBytes} bytes`
  const regex = compileRegularExpression(`.*(?:${pattern}).*`)
  if (!regex.ok) return `Invalid re2 regex: ${regex.error}`
  const used = query.has('usedonly')
  return [...samples(body)].filter(({ name, value }) => (!used || value !== 0) && regex.value.matchesAll(name))
}

function* samples(body: string): Generator<Sample> {
  let family = ''
  let kind = ''
  for (const line of body.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line)
    if (type !== null) {
      family = type[1] ?? ''
      kind = type[2] ?? ''
    }
    if (line === '' || line.startsWith('#')) continue
    const space = line.lastIndexOf(' ')
    const series = line.slice(0, space)
    yield { line, family, kind, name: statName(series), value: Number(line.slice(space + 1)) }
  }
}

/** Label to the scope that Envoy puts it in: `envoy_cluster_x{envoy_cluster_name="a"}` is `cluster.a.x`. */
const scopes: readonly (readonly [label: string, prefix: string])[] = [
  ['envoy_cluster_name', 'cluster'],
  ['envoy_http_conn_manager_prefix', 'http'],
  ['envoy_listener_name', 'listener'],
  ['envoy_connection_limit_prefix', 'connection_limit'],
]

/** Envoy's dotted name of a Prometheus series; one that Envoy has no dotted name for stays as it is. */
export function statName(series: string): string {
  const brace = series.indexOf('{')
  const metric = brace < 0 ? series : series.slice(0, brace)
  const labels = brace < 0 ? '' : series.slice(brace + 1, -1)
  if (!metric.startsWith('envoy_')) return series
  const bare = metric.slice('envoy_'.length)
  const overload =
    /^overload_envoy_(overload_actions|resource_monitors)_(.+)_(active|scale_percent|shrink_count|pressure|failed_updates)$/.exec(
      bare,
    )
  if (overload !== null) return `overload.envoy.${overload[1]}.${overload[2]}.${overload[3]}`
  if (bare.startsWith('control_plane_')) return `control_plane.${bare.slice('control_plane_'.length)}`
  const codeClass = /envoy_response_code_class="(\d)"/.exec(labels)?.[1]
  const leaf = codeClass === undefined ? bare : bare.replace(/_xx$/, `_${codeClass}xx`)
  for (const [label, prefix] of scopes) {
    const value = new RegExp(`(?:^|,)${label}="((?:[^"\\\\]|\\\\.)*)"`).exec(labels)?.[1]
    if (value !== undefined && leaf.startsWith(`${prefix}_`))
      return `${prefix}.${value}.${leaf.slice(prefix.length + 1)}`
  }
  return series
}
