import type { ClusterRuntime, EndpointRuntime } from '../cluster/index.ts'
import { type ForwardDecision, readSession, sessionLine } from '../route/index.ts'
import type { Exchange } from './exchange.ts'

/** Reads which endpoint a request wants by its session, where the `stateful_session` filter is in the chain. */
export function beginSession(exchange: Exchange, decision: ForwardDecision): void {
  const own = decision.session
  const session = own === undefined ? exchange.plan.manager.statefulSession?.session : own.session
  if (session === undefined) return
  const host = readSession(session, exchange.request, nowSeconds(exchange))
  if (host === undefined) return
  exchange.session = session
  exchange.sessionHost = host
}

/** The endpoint of the session: `undefined` when another may be chosen, `refused` when none may. */
export function sessionEndpoint(exchange: Exchange, cluster: ClusterRuntime): EndpointRuntime | 'refused' | undefined {
  // A retry goes where balancing sends it.
  if (exchange.sessionHost === '' || exchange.attempts > (exchange.replayed ? 1 : 0)) return undefined
  return cluster.endpointAt(exchange.sessionHost) ?? (exchange.session?.strict === true ? 'refused' : undefined)
}

/** Tells the client its endpoint with the response, if it does not know it. */
export function noteSession(exchange: Exchange): void {
  const { leg, session, sessionHost } = exchange
  if (session === undefined || leg.endpoint === undefined || leg.endpoint.authority === sessionHost) return
  exchange.cookieLines += sessionLine(session, leg.endpoint.authority, nowSeconds(exchange))
}

function nowSeconds(exchange: Exchange): number {
  return Math.floor(exchange.context.options.clock.now() / 1000)
}
