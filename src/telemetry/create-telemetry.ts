import type { EdgeLabels, Telemetry } from './contract.ts'
import { type FamilyLines, RecordedEdge } from './edge-series.ts'
import { familyHeader, renderLabels } from './exposition.ts'

/** Bounds of the instruments of one proxy. */
export interface TelemetryOptions {
  /** Distinct edges; past it one edge whose ends are all `overflow` takes the rest. Default 10,000. */
  readonly maxEdges?: number
  /** Distinct counters and gauges; past it a shared one named `weft_telemetry_overflow` takes the rest. Default 20,000. */
  readonly maxInstruments?: number
}

interface Instrument {
  readonly name: string
  readonly labels: string
  readonly type: 'counter' | 'gauge'
  value: number
}

/** The instruments of a proxy process, which its admin interface may set to zero. */
export interface ProxyTelemetry extends Telemetry {
  /** Sets all counters to zero; gauges and histograms stay, as in Envoy. */
  readonly resetCounters: () => void
}

/** Makes the instruments of one proxy. */
export function createTelemetry(options: TelemetryOptions = {}): ProxyTelemetry {
  const maxEdges = options.maxEdges ?? 10_000
  const maxInstruments = options.maxInstruments ?? 20_000
  const edges = new Map<string, RecordedEdge>()
  const instruments = new Map<string, Instrument>()

  function edge(labels: EdgeLabels): RecordedEdge {
    const key = edgeKey(labels)
    const known = edges.get(key)
    if (known !== undefined) return known
    if (edges.size >= maxEdges && !isOverflow(labels)) return edge(overflowLabels(labels))
    const made = new RecordedEdge(labels)
    edges.set(key, made)
    return made
  }

  function instrument(
    type: 'counter' | 'gauge',
    name: string,
    labels: Readonly<Record<string, string>> = {},
  ): Instrument {
    const rendered = renderLabels(Object.entries(labels))
    const key = `${name}{${rendered}}`
    const known = instruments.get(key)
    if (known !== undefined) return known
    if (instruments.size >= maxInstruments && name !== 'weft_telemetry_overflow')
      return instrument('counter', 'weft_telemetry_overflow')
    const made: Instrument = { name, labels: rendered, type, value: 0 }
    instruments.set(key, made)
    return made
  }

  return {
    edge,
    counter: (name, labels) => instrument('counter', name, labels),
    gauge: (name, labels) => instrument('gauge', name, labels),
    resetCounters() {
      for (const made of instruments.values()) if (made.type === 'counter') made.value = 0
      for (const made of edges.values()) made.resetCounters()
    },
    expose: () => [...exposeInstruments(instruments.values()), ...exposeEdges(edges.values()), ''].join('\n'),
  }
}

function exposeInstruments(instruments: Iterable<Instrument>): string[] {
  const families = new Map<string, { readonly type: 'counter' | 'gauge'; readonly lines: string[] }>()
  for (const { name, labels, type, value } of instruments) {
    const family = families.get(name) ?? { type, lines: [] }
    families.set(name, family)
    family.lines.push(labels === '' ? `${name} ${value}` : `${name}{${labels}} ${value}`)
  }
  const lines: string[] = []
  for (const [name, family] of families) {
    lines.push(familyHeader(name, family.type, name.replaceAll('_', ' ')), ...family.lines)
  }
  return lines
}

function exposeEdges(edges: Iterable<RecordedEdge>): string[] {
  const families: FamilyLines = {
    requests: [],
    duration: [],
    requestBytes: [],
    responseBytes: [],
    requestMessages: [],
    responseMessages: [],
    tcpSent: [],
    tcpReceived: [],
    tcpOpened: [],
    tcpClosed: [],
  }
  for (const edge of edges) edge.expose(families)
  return [
    ...family(families.requests, 'istio_requests_total', 'counter', 'Requests handled'),
    ...family(
      families.duration,
      'istio_request_duration_milliseconds',
      'histogram',
      'Duration of requests in milliseconds',
    ),
    ...family(families.requestBytes, 'istio_request_bytes', 'histogram', 'Size of request bodies in bytes'),
    ...family(families.responseBytes, 'istio_response_bytes', 'histogram', 'Size of response bodies in bytes'),
    ...family(families.requestMessages, 'istio_request_messages_total', 'counter', 'Messages of gRPC sent to servers'),
    ...family(
      families.responseMessages,
      'istio_response_messages_total',
      'counter',
      'Messages of gRPC sent to clients',
    ),
    ...family(families.tcpSent, 'istio_tcp_sent_bytes_total', 'counter', 'Bytes sent over TCP connections'),
    ...family(families.tcpReceived, 'istio_tcp_received_bytes_total', 'counter', 'Bytes received over TCP connections'),
    ...family(families.tcpOpened, 'istio_tcp_connections_opened_total', 'counter', 'TCP connections opened'),
    ...family(families.tcpClosed, 'istio_tcp_connections_closed_total', 'counter', 'TCP connections closed'),
  ]
}

function family(
  lines: readonly string[],
  name: string,
  type: 'counter' | 'histogram',
  help: string,
): readonly string[] {
  return lines.length === 0 ? [] : [familyHeader(name, type, help), ...lines]
}

/** NUL cannot occur in a label that came from a header or from xDS text, so keys never collide. */
function edgeKey(labels: EdgeLabels): string {
  return Object.values(labels).join('\0')
}

function isOverflow(labels: EdgeLabels): boolean {
  return labels.sourceWorkload === 'overflow' && labels.destinationWorkload === 'overflow'
}

function overflowLabels(labels: EdgeLabels): EdgeLabels {
  const end = 'overflow'
  return {
    reporter: labels.reporter,
    sourceWorkload: end,
    sourceNamespace: end,
    sourcePrincipal: end,
    sourceApp: end,
    sourceVersion: end,
    sourceCanonicalService: end,
    sourceCanonicalRevision: end,
    sourceCluster: end,
    destinationWorkload: end,
    destinationNamespace: end,
    destinationPrincipal: end,
    destinationApp: end,
    destinationVersion: end,
    destinationService: end,
    destinationServiceName: end,
    destinationServiceNamespace: end,
    destinationCanonicalService: end,
    destinationCanonicalRevision: end,
    destinationCluster: end,
    requestProtocol: labels.requestProtocol,
    connectionSecurityPolicy: labels.connectionSecurityPolicy,
  }
}
