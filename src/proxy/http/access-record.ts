import { clientAddress } from './client-address.ts'
import type { Exchange } from './exchange.ts'

/** Writes a finished exchange to the loggers of its manager; called only when there are some. */
export function logExchange(exchange: Exchange, durationMs: number): void {
  const { context, connection, request, leg, plan, decision } = exchange
  const { record, options } = context
  const { info } = connection
  const routed = decision !== undefined && decision.kind !== 'no-route' && decision.kind !== 'on-demand'
  record.startTime = options.clock.now() - durationMs
  record.method = request.method
  // Logs show the path alone when the target was absolute, as a client of a proxy sends it.
  record.path = request.absolute ? (request.header(':path') ?? '') : request.target
  record.protocol = exchange.stream.protocol
  record.authority = request.authority
  record.status = exchange.status
  record.grpcStatus = exchange.grpc.active ? exchange.grpc.status : -1
  record.flags = exchange.flags
  record.details = exchange.details
  record.bytesReceived = exchange.bytesReceived
  record.bytesSent = exchange.bytesSent
  record.durationMs = durationMs
  record.upstreamServiceTimeMs = exchange.serviceTimeMs
  record.upstreamHost = leg.endpoint?.authority ?? ''
  record.upstreamCluster = exchange.cluster?.config.name ?? ''
  record.upstreamLocalAddress = leg.localAddress
  record.downstreamLocalAddress = info.localAddress
  record.downstreamRemoteAddress = clientAddress(request, plan.manager, info.remoteAddress)
  record.downstreamDirectRemoteAddress = info.directRemoteAddress ?? info.remoteAddress
  record.requestedServerName = info.serverName
  record.routeName = routed ? decision.route.name : ''
  record.upstreamTransportFailureReason = exchange.transportFailure
  record.requestHeader = (name) =>
    name === 'x-request-id' && request.generatedId !== '' ? request.generatedId : request.header(name)
  record.responseHeader = (name) => (leg.headKept ? leg.head.header(name) : undefined)
  record.peerSpiffeId = info.peerSpiffeId
  for (const config of plan.manager.accessLogs) options.logAccess(config, record)
}
