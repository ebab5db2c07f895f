import type { EdgeLabels, EdgeSeries } from './contract.ts'
import { renderLabels } from './exposition.ts'
import { Histogram } from './histogram.ts'
import { responseFlagsText } from './response-flags.ts'

/** Requests of one edge that ended with one status and one set of flags. */
interface ResponseSeries {
  readonly status: number
  /** -1: no gRPC. */
  readonly grpcStatus: number
  readonly flags: number
  count: number
  readonly duration: Histogram
  readonly requestBytes: Histogram
  readonly responseBytes: Histogram
}

/** Distinct (status, flags) pairs of an edge; past it the rest is counted under status 0. A hostile upstream chooses statuses. */
const maxResponseSeriesPerEdge = 200

/** More than there are codes of gRPC, with one for none. */
const grpcStatuses = 32

/** Lines of each metric family, collected over all edges so that families stay together. */
export interface FamilyLines {
  readonly requests: string[]
  readonly duration: string[]
  readonly requestBytes: string[]
  readonly responseBytes: string[]
  readonly requestMessages: string[]
  readonly responseMessages: string[]
  readonly tcpSent: string[]
  readonly tcpReceived: string[]
  readonly tcpOpened: string[]
  readonly tcpClosed: string[]
}

/** The series of one edge, with Istio's names and labels. */
export class RecordedEdge implements EdgeSeries {
  readonly #labels: EdgeLabels
  readonly #responses = new Map<number, ResponseSeries>()
  #last: ResponseSeries | undefined
  #opened = 0
  #sent = 0
  #received = 0
  #requestMessages = 0
  #responseMessages = 0
  readonly #closed = new Map<number, number>()

  constructor(labels: EdgeLabels) {
    this.#labels = labels
  }

  recordRequest(
    status: number,
    flags: number,
    durationMs: number,
    requestBytes: number,
    responseBytes: number,
    grpcStatus = -1,
  ): void {
    const last = this.#last
    const same = last !== undefined && last.status === status && last.flags === flags && last.grpcStatus === grpcStatus
    const series = same ? last : this.#response(status, flags, grpcStatus)
    series.count += 1
    series.duration.observe(durationMs)
    series.requestBytes.observe(requestBytes)
    series.responseBytes.observe(responseBytes)
  }

  recordMessages(requests: number, responses: number): void {
    this.#requestMessages += requests
    this.#responseMessages += responses
  }

  tcpOpened(): void {
    this.#opened += 1
  }

  tcpClosed(flags: number): void {
    this.#closed.set(flags, (this.#closed.get(flags) ?? 0) + 1)
  }

  tcpBytes(sent: number, received: number): void {
    this.#sent += sent
    this.#received += received
  }

  /** Sets the counts to zero; histograms go on. */
  resetCounters(): void {
    for (const series of this.#responses.values()) series.count = 0
    this.#sent = 0
    this.#received = 0
    this.#opened = 0
    this.#closed.clear()
  }

  /** Appends this edge's lines. */
  expose(families: FamilyLines): void {
    const base = commonLabels(this.#labels)
    for (const series of this.#responses.values()) {
      const labels = `${base},response_code="${series.status}",grpc_response_status="${series.grpcStatus < 0 ? '' : series.grpcStatus}",${tail(this.#labels, series.flags)}`
      families.requests.push(`istio_requests_total{${labels}} ${series.count}`)
      series.duration.expose(families.duration, 'istio_request_duration_milliseconds', labels)
      series.requestBytes.expose(families.requestBytes, 'istio_request_bytes', labels)
      series.responseBytes.expose(families.responseBytes, 'istio_response_bytes', labels)
    }
    if (this.#labels.requestProtocol === 'grpc') {
      const labels = `${base},${renderLabels([['connection_security_policy', this.#labels.connectionSecurityPolicy]])}`
      families.requestMessages.push(`istio_request_messages_total{${labels}} ${this.#requestMessages}`)
      families.responseMessages.push(`istio_response_messages_total{${labels}} ${this.#responseMessages}`)
    }
    if (this.#opened === 0) return
    const open = `${base},${tail(this.#labels, 0)}`
    families.tcpSent.push(`istio_tcp_sent_bytes_total{${open}} ${this.#sent}`)
    families.tcpReceived.push(`istio_tcp_received_bytes_total{${open}} ${this.#received}`)
    families.tcpOpened.push(`istio_tcp_connections_opened_total{${open}} ${this.#opened}`)
    for (const [flags, count] of this.#closed) {
      families.tcpClosed.push(`istio_tcp_connections_closed_total{${base},${tail(this.#labels, flags)}} ${count}`)
    }
  }

  #response(status: number, flags: number, grpcStatus: number): ResponseSeries {
    const full = this.#responses.size >= maxResponseSeriesPerEdge
    const key = (flags * 1000 + status) * grpcStatuses + grpcStatus + 1
    let series = this.#responses.get(key) ?? (full ? this.#responses.get(0) : undefined)
    if (series === undefined) {
      series = {
        status: full ? 0 : status,
        flags: full ? 0 : flags,
        grpcStatus: full ? -1 : grpcStatus,
        count: 0,
        duration: new Histogram(),
        requestBytes: new Histogram(),
        responseBytes: new Histogram(),
      }
      this.#responses.set(full ? 0 : key, series)
    }
    this.#last = series
    return series
  }
}

function commonLabels(labels: EdgeLabels): string {
  return renderLabels([
    ['reporter', labels.reporter],
    ['source_workload', labels.sourceWorkload],
    ['source_canonical_service', labels.sourceCanonicalService],
    ['source_canonical_revision', labels.sourceCanonicalRevision],
    ['source_workload_namespace', labels.sourceNamespace],
    ['source_principal', labels.sourcePrincipal],
    ['source_app', labels.sourceApp],
    ['source_version', labels.sourceVersion],
    ['source_cluster', labels.sourceCluster],
    ['destination_workload', labels.destinationWorkload],
    ['destination_workload_namespace', labels.destinationNamespace],
    ['destination_principal', labels.destinationPrincipal],
    ['destination_app', labels.destinationApp],
    ['destination_version', labels.destinationVersion],
    ['destination_service', labels.destinationService],
    ['destination_canonical_service', labels.destinationCanonicalService],
    ['destination_canonical_revision', labels.destinationCanonicalRevision],
    ['destination_service_name', labels.destinationServiceName],
    ['destination_service_namespace', labels.destinationServiceNamespace],
    ['destination_cluster', labels.destinationCluster],
    ['request_protocol', labels.requestProtocol],
  ])
}

function tail(labels: EdgeLabels, flags: number): string {
  return renderLabels([
    ['response_flags', responseFlagsText(flags)],
    ['connection_security_policy', labels.connectionSecurityPolicy],
  ])
}
