/** The two ends of an edge and how they speak, as Istio labels them. Unknown values are the text `unknown`. */
export interface EdgeLabels {
  readonly reporter: 'source' | 'destination'
  readonly sourceWorkload: string
  readonly sourceNamespace: string
  readonly sourcePrincipal: string
  readonly sourceApp: string
  readonly sourceVersion: string
  readonly sourceCanonicalService: string
  readonly sourceCanonicalRevision: string
  readonly sourceCluster: string
  readonly destinationWorkload: string
  readonly destinationNamespace: string
  readonly destinationPrincipal: string
  readonly destinationApp: string
  readonly destinationVersion: string
  readonly destinationService: string
  readonly destinationServiceName: string
  readonly destinationServiceNamespace: string
  readonly destinationCanonicalService: string
  readonly destinationCanonicalRevision: string
  readonly destinationCluster: string
  readonly requestProtocol: 'http' | 'grpc' | 'tcp'
  readonly connectionSecurityPolicy: 'mutual_tls' | 'none' | 'unknown'
}

/** The series of one edge; the data path keeps it beside the endpoint or connection and calls it per request. */
export interface EdgeSeries {
  /**
   * Counts one finished request: `istio_requests_total` and the three histograms.
   *
   * @param flags Bit set of {@link ResponseFlag}; 0 prints as `-`.
   * @param grpcStatus Of a call of gRPC; absent: it was none.
   */
  readonly recordRequest: (
    status: number,
    flags: number,
    durationMs: number,
    requestBytes: number,
    responseBytes: number,
    grpcStatus?: number,
  ) => void
  /** Counts messages of gRPC, of one finished call. */
  readonly recordMessages: (requests: number, responses: number) => void
  readonly tcpOpened: () => void
  readonly tcpClosed: (flags: number) => void
  readonly tcpBytes: (sent: number, received: number) => void
}

/** The instruments of one proxy. */
export interface Telemetry {
  /** Interned: equal labels give the same series. The number of edges is bounded; past the bound one `overflow` edge takes the rest. */
  readonly edge: (labels: EdgeLabels) => EdgeSeries
  /** Envoy-style counter or gauge, for example `envoy_cluster_upstream_cx_total` with `{envoy_cluster_name}`; interned. */
  readonly counter: (name: string, labels?: Readonly<Record<string, string>>) => { value: number }
  readonly gauge: (name: string, labels?: Readonly<Record<string, string>>) => { value: number }
  /** Prometheus text exposition format 0.0.4 of everything. */
  readonly expose: () => string
}
