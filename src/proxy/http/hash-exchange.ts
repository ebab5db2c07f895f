import type { ClusterRuntime } from '../cluster/index.ts'
import { withoutPort } from '../network/index.ts'
import { type HashCookie, type HashPolicy, hashRequest, hashText, setCookieLine } from '../route/index.ts'
import { clientAddress } from './client-address.ts'
import type { Exchange } from './exchange.ts'

/** Computes the hash by which all attempts choose their endpoint; only clusters with consistent hashing ask for one. */
export function hashExchange(exchange: Exchange, cluster: ClusterRuntime, policies: readonly HashPolicy[]): void {
  const { kind } = cluster.config.balancer
  if (kind !== 'ring-hash' && kind !== 'maglev') return
  const { connection, plan, request } = exchange
  exchange.hash = hashRequest(policies, {
    request,
    sourceAddress: () => withoutPort(clientAddress(request, plan.manager, connection.info.remoteAddress)),
    createCookie: (cookie) => createCookie(exchange, cookie),
  })
}

/**
 * Makes a cookie for the client, as Envoy does: its value follows from the two ends of the connection, so that requests
 * that race each other on one connection get the same one.
 */
function createCookie(exchange: Exchange, { name, path, ttlSeconds }: HashCookie): string {
  const { localAddress, remoteAddress } = exchange.connection.info
  const value = hashText(`${remoteAddress}${localAddress}`).toString(16).padStart(16, '0')
  exchange.cookieLines += setCookieLine(name, value, { path, ttlSeconds })
  return value
}
