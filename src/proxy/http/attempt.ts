import { ResponseFlag } from '../../telemetry/index.ts'
import type { Head } from '../../wire/http1/index.ts'
import { allowsRetry, type ClusterRuntime, type ConnectOutcome } from '../cluster/index.ts'
import type { CompiledRetry, ForwardDecision } from '../route/index.ts'
import type { Exchange } from './exchange.ts'
import { Phase } from './phase.ts'
import { sessionEndpoint } from './session-exchange.ts'
import { type AttemptFailure, backoffMs, isIdempotent, retriesFailure, retriesResponse } from './retry-policy.ts'

/** Envoy's body for requests that failed upstream. */
function failedText(exchange: Exchange, reason: string): string {
  const retried = exchange.attempts > (exchange.replayed ? 2 : 1) ? 'retried and the latest ' : ''
  return `upstream connect error or disconnect/reset before headers. ${retried}reset reason: ${reason}`
}

/**
 * Picks an endpoint and sends the request there: on an idle connection, else as soon as there is one (Envoy's HTTP/1.1 pool).
 * `fresh`: not on a connection that was used before.
 */
export function startAttempt(
  exchange: Exchange,
  decision: ForwardDecision,
  cluster: ClusterRuntime,
  fresh: boolean,
): void {
  const { connection, leg, tried } = exchange
  const { limits } = cluster.config
  const previous =
    tried === undefined ? undefined : { hosts: tried, attempts: decision.retry?.hostSelectionAttempts ?? 1 }
  const own = exchange.session === undefined ? undefined : sessionEndpoint(exchange, cluster)
  const endpoint = own ?? cluster.pick(previous, connection.originalDestination, exchange.hash, decision.subset)
  if (endpoint === undefined || endpoint === 'refused') {
    exchange.reply(503, 'no healthy upstream', ResponseFlag.UH, 'no_healthy_upstream')
    return
  }
  if (limits.maxConnectionPools !== undefined && cluster.admitsPool?.(endpoint) === false) {
    exchange.reply(503, 'no healthy upstream', ResponseFlag.UH, 'no_healthy_upstream')
    return
  }
  exchange.attempts += 1
  exchange.phase = Phase.upstream
  const shared = leg.shares(cluster) ? endpoint.takeShared() : undefined
  const socket = fresh || shared !== undefined ? undefined : endpoint.takeIdle()
  if (shared !== undefined) {
    if (admitsRequest(cluster)) leg.startShared(endpoint, shared, decision)
    else overflow(exchange)
  } else if (socket !== undefined) {
    if (admitsRequest(cluster)) leg.start(endpoint, socket, decision)
    else {
      endpoint.putIdle(socket)
      overflow(exchange)
    }
  } else if (cluster.pendingRequests < limits.maxPendingRequests) leg.wait(endpoint, decision, fresh)
  else {
    cluster.stats.upstream_rq_pending_overflow += 1
    overflow(exchange)
  }
}

/** `max_requests`, asked when a request has its connection. */
function admitsRequest(cluster: ClusterRuntime): boolean {
  return cluster.activeRequests < cluster.config.limits.maxRequests
}

/** A request that waited is given a connection; false when it must not use it. */
export function admitWaiting(exchange: Exchange, cluster: ClusterRuntime): boolean {
  if (admitsRequest(cluster)) return true
  overflow(exchange)
  return false
}

function overflow(exchange: Exchange): void {
  exchange.reply(
    503,
    failedText(exchange, 'overflow'),
    ResponseFlag.UO,
    'upstream_reset_before_response_started{overflow}',
    'x-envoy-overloaded: true\r\n',
  )
}

/** No connection could be had. */
export function onConnectFailed(exchange: Exchange, outcome: Extract<ConnectOutcome, { kind: 'failed' }>): void {
  exchange.transportFailure = outcome.message
  if (outcome.reason === 'overflow') {
    overflow(exchange)
    return
  }
  exchange.leg.endpoint?.outlier?.countConnectFailure()
  const reason = outcome.reason === 'timeout' ? 'connection timeout' : 'remote connection failure'
  onAttemptFailed(exchange, 'connect', reason, ResponseFlag.UF)
}

/** The upstream closed the connection before it answered. */
export function onUpstreamReset(exchange: Exchange): void {
  const { cluster, decision, leg, request } = exchange
  // An idle connection that was closed while the request was on its way: nothing shows that it was acted on. Where it is proved that it was
  // not, the method does not matter.
  const harmless = leg.unreached || (leg.reused && isIdempotent(request.method))
  if (
    harmless &&
    !leg.answered &&
    !exchange.replayed &&
    exchange.replayable &&
    decision?.kind === 'forward' &&
    cluster !== undefined
  ) {
    leg.abandon()
    exchange.replayed = true
    exchange.stepAt = exchange.context.options.timers.now()
    startAttempt(exchange, decision, cluster, true)
    return
  }
  leg.endpoint?.outlier?.countConnectFailure()
  onAttemptFailed(exchange, 'reset', 'connection termination', ResponseFlag.UC)
}

/** The upstream said that it has not touched the request (RFC 9113 section 8.7), or closed the connection before it came to it. */
export function onUpstreamRefused(exchange: Exchange): void {
  const { cluster, decision, leg } = exchange
  if (!exchange.replayed && exchange.replayable && decision?.kind === 'forward' && cluster !== undefined) {
    leg.abandon()
    exchange.replayed = true
    exchange.stepAt = exchange.context.options.timers.now()
    startAttempt(exchange, decision, cluster, true)
    return
  }
  leg.endpoint?.outlier?.countConnectFailure()
  onAttemptFailed(exchange, 'refused', 'remote refused stream reset', ResponseFlag.UR)
}

/** The upstream reset the stream before it answered. */
export function onUpstreamStreamReset(exchange: Exchange): void {
  exchange.leg.endpoint?.outlier?.countConnectFailure()
  onAttemptFailed(exchange, 'reset', 'remote reset', ResponseFlag.UR)
}

/** The upstream's bytes are no HTTP response. */
export function onUpstreamProtocolError(exchange: Exchange): void {
  exchange.leg.endpoint?.outlier?.countConnectFailure()
  if (retryAfterFailure(exchange, 'reset')) return
  exchange.reply(
    502,
    failedText(exchange, 'protocol error'),
    ResponseFlag.UPE,
    'upstream_reset_before_response_started{protocol_error}',
  )
}

/** One attempt took longer than `per_try_timeout`. */
export function onPerTryTimeout(exchange: Exchange): void {
  if (exchange.cluster !== undefined) exchange.cluster.stats.upstream_rq_per_try_timeout += 1
  exchange.flags |= ResponseFlag.UT
  countTimeout(exchange)
  if (retryAfterFailure(exchange, 'per-try-timeout')) return
  exchange.reply(504, 'upstream request timeout', ResponseFlag.UT, 'response_timeout')
}

/** The route's timeout is over: no further attempt. */
export function onRouteTimeout(exchange: Exchange): void {
  if (exchange.cluster !== undefined) exchange.cluster.stats.upstream_rq_timeout += 1
  countTimeout(exchange)
  exchange.reply(504, 'upstream request timeout', ResponseFlag.UT, 'response_timeout')
}

/** An endpoint that has the whole blame: it holds the request and has not answered. */
function countTimeout({ leg }: Exchange): void {
  if (leg.awaitsResponse) leg.endpoint?.outlier?.countTimeout()
}

function onAttemptFailed(exchange: Exchange, failure: AttemptFailure, reason: string, flag: number): void {
  if (retryAfterFailure(exchange, failure)) return
  const details = `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}}`
  exchange.reply(503, failedText(exchange, reason), flag, details)
}

function retryAfterFailure(exchange: Exchange, failure: AttemptFailure): boolean {
  const { decision, leg } = exchange
  if (decision?.kind !== 'forward' || decision.retry === undefined || exchange.phase >= Phase.responding) return false
  return retriesFailure(decision.retry, failure, leg.sending) && scheduleRetry(exchange, decision.retry)
}

/** True when the response is thrown away and the request sent again. */
export function retryAfterResponse(exchange: Exchange, retry: CompiledRetry, head: Head): boolean {
  const grpcStatus = head.header('grpc-status') ?? ''
  return retriesResponse(retry, head.status, grpcStatus) && scheduleRetry(exchange, retry)
}

/** Arms the pause before the next attempt, if policy, replay buffer and circuit breaker allow one. */
function scheduleRetry(exchange: Exchange, retry: CompiledRetry): boolean {
  const { cluster, context } = exchange
  if (cluster === undefined || !exchange.replayable || exchange.upgradeType !== '') return false
  const retries = exchange.attempts - (exchange.replayed ? 1 : 0)
  if (exchange.retrying) {
    exchange.retrying = false
    cluster.activeRetries -= 1
  }
  if (retries > retry.attempts) {
    exchange.flags |= ResponseFlag.URX
    return false
  }
  if (!allowsRetry(cluster)) {
    cluster.stats.upstream_rq_retry_overflow += 1
    exchange.flags |= ResponseFlag.UO
    return false
  }
  exchange.retrying = true
  cluster.activeRetries += 1
  cluster.stats.upstream_rq_retry += 1
  if (retry.avoidPreviousHosts) exchange.noteTried()
  exchange.leg.leave()
  exchange.phase = Phase.backoff
  exchange.pauseTimer.arm(backoffMs(retry, retries, context.options.random()))
  return true
}

/** The pause before a retry is over. */
export function onRetryPause(exchange: Exchange): void {
  const { cluster, decision } = exchange
  if (exchange.phase !== Phase.backoff || cluster === undefined || decision?.kind !== 'forward') return
  startAttempt(exchange, decision, cluster, false)
}
