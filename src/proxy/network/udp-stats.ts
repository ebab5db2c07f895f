import type { Telemetry } from '../../telemetry/index.ts'

/** Counters of one UDP proxy, Envoy's names. */
export interface UdpStats {
  readonly total: Count
  readonly active: Count
  readonly noRoute: Count
  readonly receivedBytes: Count
  readonly receivedDatagrams: Count
  /** Of a session whose socket was not there yet. */
  readonly receivedDropped: Count
  readonly sentBytes: Count
  readonly sentDatagrams: Count
  readonly sendErrors: Count
  readonly idleTimeout: Count
  /** Sessions that the bound of sessions refused (`envoy_udp_downstream_sess_overflow`, Weft's own). */
  readonly overflow: Count
}

/** Counters of the datagrams between a UDP proxy and a cluster, Envoy's names. */
export interface UdpClusterStats {
  readonly noneHealthy: Count
  readonly receivedBytes: Count
  readonly receivedDatagrams: Count
  readonly receivedDropped: Count
  readonly receiveErrors: Count
  readonly sentBytes: Count
  readonly sentDatagrams: Count
  readonly sendErrors: Count
}

interface Count {
  value: number
}

/** Makes (or finds) the counters of a `stat_prefix`: `envoy_udp_<name>{envoy_udp_prefix}`. */
export function createUdpStats(telemetry: Telemetry, statPrefix: string): UdpStats {
  const labels = { envoy_udp_prefix: statPrefix }
  const counter = (name: string): Count => telemetry.counter(`envoy_udp_${name}`, labels)
  return {
    total: counter('downstream_sess_total'),
    active: telemetry.gauge('envoy_udp_downstream_sess_active', labels),
    noRoute: counter('downstream_sess_no_route'),
    receivedBytes: counter('downstream_sess_rx_bytes'),
    receivedDatagrams: counter('downstream_sess_rx_datagrams'),
    receivedDropped: counter('downstream_sess_rx_datagrams_dropped'),
    sentBytes: counter('downstream_sess_tx_bytes'),
    sentDatagrams: counter('downstream_sess_tx_datagrams'),
    sendErrors: counter('downstream_sess_tx_errors'),
    idleTimeout: counter('idle_timeout'),
    overflow: counter('downstream_sess_overflow'),
  }
}

/** Makes (or finds) the UDP counters of a cluster: `envoy_cluster_<name>{envoy_cluster_name}`. */
export function createUdpClusterStats(telemetry: Telemetry, cluster: string): UdpClusterStats {
  const labels = { envoy_cluster_name: cluster }
  const counter = (name: string): Count => telemetry.counter(`envoy_cluster_${name}`, labels)
  return {
    noneHealthy: counter('upstream_cx_none_healthy'),
    receivedBytes: counter('upstream_cx_rx_bytes_total'),
    receivedDatagrams: counter('udp_sess_rx_datagrams'),
    receivedDropped: counter('udp_sess_rx_datagrams_dropped'),
    receiveErrors: counter('udp_sess_rx_errors'),
    sentBytes: counter('upstream_cx_tx_bytes_total'),
    sentDatagrams: counter('udp_sess_tx_datagrams'),
    sendErrors: counter('udp_sess_tx_errors'),
  }
}
