import { ResponseFlag } from '../../telemetry/index.ts'
import { ConnectionOption } from '../../wire/http1/index.ts'
import { drawFault, type ForwardDecision, type RouteTable } from '../route/index.ts'
import { startAttempt } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import { ProxyField } from './fields.ts'
import { hashExchange } from './hash-exchange.ts'
import { normalizePath } from './normalize-path.ts'
import { parsePeerMetadata } from './peer-metadata.ts'
import { Phase } from './phase.ts'

/** Checks what the configuration asks of every request, then decides where it goes. */
export function admit(exchange: Exchange): void {
  const { connection, plan, request } = exchange
  const { head } = request
  if (!connection.trusted && connection.peer === undefined) notePeer(exchange)
  if (request.method === 'CONNECT') {
    exchange.keepAlive = false
    // No route of this proxy matches CONNECT (`connect_matcher` is refused in configuration).
    exchange.reply(404, '', ResponseFlag.NR, 'route_not_found')
    return
  }
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
  if (head.upgradeIndex >= 0 && (head.connection & ConnectionOption.upgrade) !== 0 && !admitUpgrade(exchange)) {
    exchange.keepAlive = false
    exchange.reply(403, '', 0, 'upgrade_failed')
    return
  }
  if (head.oddPath && !admitPath(exchange)) return
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

/** `h2c` is ignored as in Envoy; another upgrade must be configured, and its request has no body. */
function admitUpgrade(exchange: Exchange): boolean {
  const { plan, request } = exchange
  const type = request.upgrade()
  if (type === 'h2c') return true
  if (request.head.minorVersion === 0 || !exchange.bodyDone || !plan.manager.upgrades.includes(type)) return false
  exchange.upgradeType = type
  return true
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

/** Asks the route table, and does what it says. `mayWait`: a host that is not held is asked for. */
function decideRoute(exchange: Exchange, mayWait: boolean): void {
  const { context, request } = exchange
  const table = routeTableOf(exchange)
  if (table === undefined) {
    exchange.reply(404, '', ResponseFlag.NR, 'route_not_found')
    return
  }
  const decision = table.decide(request, context.options.random, context.split)
  exchange.decision = decision
  switch (decision.kind) {
    case 'forward':
      exchange.responseEdits = decision.responseEdits
      applyFault(exchange, decision)
      return
    case 'redirect': {
      const location = decision.location.replaceAll(/[^\x21-\xff]/g, encodeURIComponent)
      exchange.reply(decision.status, '', 0, 'direct_response', `location: ${location}\r\n`, decision.responseEdits)
      return
    }
    case 'respond':
      exchange.reply(decision.status, decision.body, 0, 'direct_response', '', decision.responseEdits)
      return
    case 'on-demand':
      if (mayWait && exchange.plan.manager.onDemand) park(exchange, table.name, decision.domain)
      else exchange.reply(404, '', ResponseFlag.NR, 'route_not_found')
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

/** `envoy.filters.http.fault`: delay first, then abort. */
function applyFault(exchange: Exchange, decision: ForwardDecision): void {
  if (decision.fault === undefined || !exchange.plan.manager.faultFilter) {
    forward(exchange)
    return
  }
  // Whatever becomes of the request, it was on its way there: metrics and logs say so.
  exchange.cluster = exchange.context.options.cluster(decision.cluster)
  const draw = drawFault(decision.fault, exchange.context.options.random)
  exchange.abortDrawn = draw.abort
  if (draw.delayMs > 0) {
    exchange.phase = Phase.delayed
    exchange.flags |= ResponseFlag.DI
    exchange.pauseTimer.arm(draw.delayMs)
  } else forward(exchange)
}

/** Sends the request on its way: the fault's delay, if any, is over. */
export function forward(exchange: Exchange): void {
  const { context, decision } = exchange
  if (decision?.kind !== 'forward') return
  if (exchange.abortDrawn) {
    abortByFault(exchange, decision)
    return
  }
  const cluster = context.options.cluster(decision.cluster)
  if (cluster === undefined) {
    exchange.reply(503, '', ResponseFlag.NC, 'cluster_not_found')
    return
  }
  exchange.cluster = cluster
  exchange.phase = Phase.upstream
  if (decision.hashPolicies !== undefined) hashExchange(exchange, cluster, decision.hashPolicies)
  if (decision.idleTimeoutMs !== undefined) {
    exchange.idleTimeoutMs = decision.idleTimeoutMs
    exchange.stream.touch(exchange.stepAt)
  }
  if (exchange.bodyDone) exchange.armRouteTimeout(decision.timeoutMs)
  startAttempt(exchange, decision, cluster, false)
}

function abortByFault(exchange: Exchange, decision: ForwardDecision): void {
  const { fault } = decision
  const grpcStatus = fault?.grpcStatus
  const isGrpc = exchange.request.header('content-type')?.startsWith('application/grpc') === true
  if (grpcStatus !== undefined && isGrpc) {
    const lines = `content-type: application/grpc\r\ngrpc-status: ${grpcStatus}\r\ngrpc-message: fault filter abort\r\n`
    exchange.reply(200, '', ResponseFlag.FI, 'fault_filter_abort', lines)
    return
  }
  exchange.reply(
    grpcStatus === undefined ? (fault?.abortStatus ?? 503) : 200,
    'fault filter abort',
    ResponseFlag.FI,
    'fault_filter_abort',
  )
}
