import { ResponseFlag } from '../../telemetry/index.ts'
import { ConnectionOption } from '../../wire/http1/index.ts'
import { isTaken } from '../overload/index.ts'
import { type Decision, drawFault, type ForwardDecision, type RouteTable } from '../route/index.ts'
import { answerHealthCheck } from './answer-health-check.ts'
import { startAttempt } from './attempt.ts'
import { authorize } from './authorize.ts'
import { connectUpgrade, endsConnect, isConnectTarget } from './connect.ts'
import type { Exchange } from './exchange.ts'
import { ProxyField } from './fields.ts'
import { streamDurationMs } from './grpc-call.ts'
import { hashExchange } from './hash-exchange.ts'
import { normalizePath } from './normalize-path.ts'
import { parsePeerMetadata } from './peer-metadata.ts'
import { Phase } from './phase.ts'
import { beginSession } from './session-exchange.ts'

/** Checks what the configuration asks of every request, then decides where it goes. */
export function admit(exchange: Exchange): void {
  const { connection, plan, request } = exchange
  const { head } = request
  const { overload } = exchange.context
  if (overload.stopRequests > 0 && isTaken(overload.stopRequests, exchange.context.options.random)) {
    exchange.stats.overloadClose.value += 1
    // Envoy sets no response flag here.
    exchange.reply(503, 'envoy overloaded', 0, 'overload')
    return
  }
  if (!connection.trusted && connection.peer === undefined) notePeer(exchange)
  if (request.authority === '') {
    // HTTP/1.0 without `Host`: nobody can say whom it is for.
    exchange.keepAlive = false
    exchange.reply(400, '', 0, 'missing_host_header')
    return
  }
  if (plan.manager.underscoreHeaders !== 'allow' && !checkUnderscores(exchange)) {
    exchange.refuse(400, 'http1.unexpected_underscore', 0)
    return
  }
  if (request.method === 'CONNECT') {
    if (!isConnectTarget(request.authority)) {
      exchange.refuse(400, 'invalid_connect_target', 0)
      return
    }
    exchange.upgradeType = connectUpgrade
    // Whatever comes of it: octets behind it may be meant for a tunnel, and are never read as a request.
    exchange.keepAlive = false
  } else if (head.upgradeIndex >= 0 && (head.connection & ConnectionOption.upgrade) !== 0 && !admitUpgrade(exchange)) {
    refuseUpgrade(exchange)
    return
  } else if (head.oddPath && !admitPath(exchange)) return
  const { healthFilter } = plan.manager
  if (healthFilter !== undefined && answerHealthCheck(exchange, healthFilter)) return
  decideRoute(exchange, true)
}

/** Remembers who the peer says it is; the fields are never passed on. */
function notePeer(exchange: Exchange): void {
  const { connection, context, request } = exchange
  const value = request.field(ProxyField.peerMetadata)
  if (value === undefined || value.length > context.options.limits.peerMetadataBytes) return
  connection.peer = parsePeerMetadata(request.field(ProxyField.peerMetadataId) ?? '', value)
}

/** `headers_with_underscores_action`: false when the request is to be refused. */
function checkUnderscores(exchange: Exchange): boolean {
  const { head } = exchange.request
  for (let index = 0; index < head.count; index += 1) {
    if (!head.name(index).includes('_')) continue
    if (exchange.plan.manager.underscoreHeaders === 'reject') return false
    head.hide(index, ProxyField.http2Settings)
  }
  return true
}

/**
 * `h2c` is ignored as in Envoy; the request of another upgrade has no body. Whether it is let through is for the route to say.
 * In HTTP/2 it came as extended CONNECT, whose stream stays open for the tunnel: there is no going on without one.
 */
function admitUpgrade(exchange: Exchange): boolean {
  const { request, stream } = exchange
  const type = request.upgrade()
  const extended = stream.protocol === 'HTTP/2'
  if (type === 'h2c') return !extended
  if (request.head.minorVersion === 0 || (!extended && !exchange.bodyDone) || type === connectUpgrade) return false
  exchange.upgradeType = type
  // As with CONNECT: octets behind it may be meant for the other protocol.
  exchange.keepAlive = false
  return true
}

/** `upgrade_configs`: those of the route count before those of the connection manager. */
function allowsUpgrade({ plan, upgradeType }: Exchange, decision: Decision): boolean {
  const ofRoute = decision.kind === 'forward' ? decision.upgrades?.allowed.get(upgradeType) : undefined
  return ofRoute ?? plan.manager.upgrades.includes(upgradeType)
}

function refuseUpgrade(exchange: Exchange): void {
  exchange.keepAlive = false
  exchange.reply(403, '', 0, 'upgrade_failed')
}

/** Normalises the path; false when the exchange was answered. */
function admitPath(exchange: Exchange): boolean {
  const { plan, request } = exchange
  const normalized = normalizePath(request.path, plan.manager)
  if (normalized.kind === 'reject') {
    exchange.keepAlive = false
    exchange.reply(400, '', 0, 'path_normalization_failed')
    return false
  }
  if (normalized.kind === 'redirect') {
    const query = request.query === '' ? '' : `?${request.query}`
    exchange.reply(307, '', 0, 'path_normalization_redirect', `location: ${normalized.path}${query}\r\n`)
    return false
  }
  if (normalized.path !== request.path) {
    request.path = normalized.path
    request.pathChanged = true
  }
  return true
}

function routeTableOf(exchange: Exchange): RouteTable | undefined {
  const { routes } = exchange.plan.manager
  return routes.kind === 'inline' ? routes.table : exchange.context.options.routeTable(routes.name)
}

/** Asks the route table, and lets filters have their say. `mayWait`: a host that is not held is asked for. */
function decideRoute(exchange: Exchange, mayWait: boolean): void {
  const { context, plan, request } = exchange
  const { filters } = plan.manager
  const table = routeTableOf(exchange)
  const decision = table?.decide(request, context.options.random, context.split)
  exchange.decision = decision
  if (decision !== undefined && 'responseEdits' in decision) exchange.responseEdits = decision.responseEdits
  if (exchange.upgradeType !== '' && decision !== undefined && decision.kind !== 'on-demand') {
    // Envoy looks for the route of a CONNECT first, and for that of another upgrade afterwards.
    const unknown = exchange.upgradeType === connectUpgrade && decision.kind === 'no-route'
    if (!unknown && !allowsUpgrade(exchange, decision)) {
      refuseUpgrade(exchange)
      return
    }
  }
  if (decision?.kind === 'forward' && decision.streamDuration !== undefined) {
    const { maxStreamDurationMs } = plan.manager
    exchange.limitDuration(streamDurationMs(request, decision.streamDuration, maxStreamDurationMs))
  }
  if (mayWait && decision?.kind === 'on-demand' && table !== undefined) {
    const waiting = filters.findIndex(({ kind }) => kind === 'on_demand')
    if (waiting >= 0) {
      // Filters behind are asked when the host is there; those before, then once more.
      if (runFilters(exchange, 0, waiting)) park(exchange, table.name, decision.domain)
      return
    }
  }
  if (filters.length === 0 || runFilters(exchange, 0, filters.length)) followRoute(exchange)
}

/** Goes on behind the fault filter, whose delay is over. */
export function resumeFilters(exchange: Exchange): void {
  exchange.phase = Phase.head
  if (exchange.abortDrawn) abortByFault(exchange)
  else if (runFilters(exchange, exchange.nextFilter, exchange.plan.manager.filters.length)) followRoute(exchange)
}

/** Runs filters `from` until `end`; false when one of them answered or waits. */
function runFilters(exchange: Exchange, from: number, end: number): boolean {
  const { filters } = exchange.plan.manager
  for (let index = from; index < end; index += 1) {
    const filter = filters[index]
    if (filter?.kind === 'rbac') {
      if (!authorize(exchange, filter)) return false
    } else if (filter?.kind === 'fault' && !passFault(exchange, index)) return false
  }
  return true
}

/** Does what the route says. */
function followRoute(exchange: Exchange): void {
  const { decision } = exchange
  switch (decision?.kind) {
    case 'forward':
      forward(exchange, decision)
      return
    case 'redirect': {
      const location = decision.location.replaceAll(/[^\x21-\xff]/g, encodeURIComponent)
      exchange.reply(decision.status, '', 0, 'direct_response', `location: ${location}\r\n`)
      return
    }
    case 'respond':
      exchange.reply(decision.status, decision.body, 0, 'direct_response')
      return
    default:
      exchange.reply(404, '', ResponseFlag.NR, 'route_not_found')
  }
}

/** The request waits until its virtual host is there, or is known to be nowhere. */
function park(exchange: Exchange, table: string, domain: string): void {
  const { context, generation } = exchange
  const { limits, onDemand } = context.options
  if (onDemand === undefined) {
    exchange.reply(404, '', ResponseFlag.NR, 'route_not_found')
    return
  }
  if (context.parkedRequests >= limits.parkedRequests) {
    exchange.reply(503, '', ResponseFlag.UO, 'on_demand_overflow')
    return
  }
  context.parkedRequests += 1
  exchange.phase = Phase.parked
  onDemand.request(table, domain, () => {
    if (exchange.generation !== generation || exchange.phase !== Phase.parked) return
    context.parkedRequests -= 1
    exchange.phase = Phase.head
    exchange.stepAt = context.options.timers.now()
    decideRoute(exchange, false)
  })
}

/** `envoy.filters.http.fault`: delay first, then abort. False when the request waits or was answered. */
function passFault(exchange: Exchange, index: number): boolean {
  const { context, decision } = exchange
  if (decision?.kind !== 'forward' || decision.fault === undefined) return true
  // Whatever becomes of the request, it was on its way there: metrics and logs say so.
  exchange.cluster = context.options.cluster(decision.cluster)
  const draw = drawFault(decision.fault, context.options.random)
  exchange.abortDrawn = draw.abort
  if (draw.delayMs > 0) {
    exchange.phase = Phase.delayed
    exchange.nextFilter = index + 1
    exchange.flags |= ResponseFlag.DI
    exchange.pauseTimer.arm(draw.delayMs)
    return false
  }
  if (draw.abort) abortByFault(exchange)
  return !draw.abort
}

/** Sends the request on its way. */
function forward(exchange: Exchange, decision: ForwardDecision): void {
  const { context } = exchange
  const cluster = context.options.cluster(decision.cluster)
  if (cluster === undefined) {
    exchange.reply(503, '', ResponseFlag.NC, 'cluster_not_found')
    return
  }
  exchange.cluster = cluster
  exchange.phase = Phase.upstream
  if (decision.hashPolicies !== undefined) hashExchange(exchange, cluster, decision.hashPolicies)
  if (exchange.plan.manager.statefulSession !== undefined) beginSession(exchange, decision)
  if (decision.idleTimeoutMs !== undefined) {
    exchange.idleTimeoutMs = decision.idleTimeoutMs
    exchange.stream.touch(exchange.stepAt)
  }
  if (exchange.bodyDone || exchange.upgradeType !== '') exchange.armRouteTimeout(decision.timeoutMs)
  // A connection that was used before is none for a stream of octets.
  startAttempt(exchange, decision, cluster, endsConnect(exchange))
}

function abortByFault(exchange: Exchange): void {
  const { decision } = exchange
  const fault = decision?.kind === 'forward' ? decision.fault : undefined
  const grpcStatus = fault?.grpcStatus
  const status = grpcStatus === undefined ? (fault?.abortStatus ?? 503) : 200
  const text = 'fault filter abort'
  exchange.reply(status, text, ResponseFlag.FI, 'fault_filter_abort', '', exchange.responseEdits, grpcStatus)
}
