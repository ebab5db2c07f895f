import { type EdgeSeries, ResponseFlag } from '../../telemetry/index.ts'
import { destinationOf, edgeLabels } from './edge-labels.ts'
import type { Exchange } from './exchange.ts'

/** Counts a finished exchange: on the edge that it took, and for its connection manager and its cluster. */
export function recordExchange(exchange: Exchange, durationMs: number): void {
  const { cluster, flags, status } = exchange
  exchange.stats.countResponse(status)
  // A request that the fault filter answered never came to the cluster.
  if (cluster !== undefined && (flags & ResponseFlag.FI) === 0) cluster.countResponse(status)
  const series = exchange.connection.info.direction === 'inbound' ? inboundSeries(exchange) : outboundSeries(exchange)
  const { grpc } = exchange
  if (!grpc.active) {
    series.recordRequest(status, flags, durationMs, exchange.bytesReceived, exchange.bytesSent)
    return
  }
  series.recordRequest(status, flags, durationMs, exchange.bytesReceived, exchange.bytesSent, grpc.status)
  const { grpcStats } = exchange.plan.manager
  if (grpcStats !== undefined) exchange.context.grpcStats.record(exchange, grpcStats)
  series.recordMessages(grpc.requestMessages.count, grpc.responseMessages.count)
}

/** The same for all requests of a connection to a cluster: who sends and who serves does not change. */
function inboundSeries(exchange: Exchange): EdgeSeries {
  const { cluster, connection, grpc } = exchange
  const { series } = connection
  if (series !== undefined && connection.seriesCluster === cluster && connection.seriesGrpc === grpc.active)
    return series
  const made = makeSeries(exchange)
  connection.series = made
  connection.seriesCluster = cluster
  connection.seriesGrpc = grpc.active
  return made
}

/** Kept beside the endpoint under the service's name: the source is always this proxy's own workload. */
function outboundSeries(exchange: Exchange): EdgeSeries {
  const { endpoint } = exchange.leg
  if (endpoint === undefined) return makeSeries(exchange)
  const host = endpoint.cluster.config.destination?.host ?? ''
  // A host's name holds no colon.
  const key = exchange.grpc.active ? `grpc:${host}` : host
  const known = endpoint.series.get(key)
  if (known !== undefined && !exchange.leg.newPeer) return known
  const made = makeSeries(exchange)
  endpoint.series.set(key, made)
  return made
}

function makeSeries(exchange: Exchange): EdgeSeries {
  const { cluster, connection, context, decision, leg } = exchange
  return context.options.telemetry.edge(
    edgeLabels({
      node: context.options.node,
      info: connection.info,
      grpc: exchange.grpc.active,
      peer: connection.peer,
      destination: cluster?.config.destination ?? destinationOf(decision?.kind === 'forward' ? decision.cluster : ''),
      endpoint: leg.endpoint,
      upstreamSpiffeId: leg.endpoint?.peerSpiffeId ?? '',
      ownSpiffeId: leg.endpoint?.localSpiffeId ?? '',
    }),
  )
}
