import type { EdgeSeries } from '../../telemetry/index.ts'
import { edgeLabels } from './edge-labels.ts'
import type { Exchange } from './exchange.ts'

/** Counts a finished exchange on the edge that it took. */
export function recordExchange(exchange: Exchange, durationMs: number): void {
  const series = exchange.connection.info.direction === 'inbound' ? inboundSeries(exchange) : outboundSeries(exchange)
  series.recordRequest(exchange.status, exchange.flags, durationMs, exchange.bytesReceived, exchange.bytesSent)
}

/** The same for all requests of a connection to a cluster: who sends and who serves does not change. */
function inboundSeries(exchange: Exchange): EdgeSeries {
  const { cluster, connection } = exchange
  if (connection.series !== undefined && connection.seriesCluster === cluster) return connection.series
  const made = makeSeries(exchange)
  connection.series = made
  connection.seriesCluster = cluster
  return made
}

/** Kept beside the endpoint under the service's name: the source is always this proxy's own workload. */
function outboundSeries(exchange: Exchange): EdgeSeries {
  const { endpoint } = exchange.leg
  if (endpoint === undefined) return makeSeries(exchange)
  const key = endpoint.cluster.config.destination?.host ?? ''
  const known = endpoint.series.get(key)
  if (known !== undefined && !exchange.leg.newPeer) return known
  const made = makeSeries(exchange)
  endpoint.series.set(key, made)
  return made
}

function makeSeries(exchange: Exchange): EdgeSeries {
  const { cluster, connection, context, leg } = exchange
  return context.options.telemetry.edge(
    edgeLabels({
      node: context.options.node,
      info: connection.info,
      peer: connection.peer,
      cluster,
      endpoint: leg.endpoint,
      upstreamSpiffeId: leg.endpoint?.peerSpiffeId ?? '',
    }),
  )
}
