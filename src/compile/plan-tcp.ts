import type { Origin } from '../resources/index.ts'
import { outboundClusterName } from '../xds/index.ts'
import type { ClusterRef, TcpTargetPlan } from './plan.ts'
import { referencePolicy } from './policies/cluster-policy.ts'
import { hashKeys } from './policies/hash-keys/hash-keys.ts'
import { isFromClient } from './policies/route-match/route-match.ts'
import { legCluster, weighted } from './policies/split/split.ts'
import { type ClientView, findRoute, visibleService } from './select/index.ts'

/** A TCP target with the clusters it names. */
export interface TcpTarget {
  readonly target: TcpTargetPlan
  readonly refs: readonly ClusterRef[]
  readonly origin: Origin
}

/**
 * Where connections to a host's port go: the first TCP rule for this client and port, else the service itself. The
 * cluster is named even when there is no such service: its connections are refused until there is.
 */
export function planTcpTarget(view: ClientView, host: string, port: number): TcpTarget {
  const service = visibleService(view, host)
  const rule = findRoute(view, host)?.tcp.find(
    ({ matches }) =>
      matches.length === 0 || matches.some((match) => (match.port ?? port) === port && isFromClient(view, match)),
  )
  const legs = weighted(rule?.legs ?? [])
  const origin = rule?.origin ?? service?.origin ?? view.workload.origin
  const own: ClusterRef = { name: outboundClusterName(port, '', host), host, port, subset: '', origin }
  const refs = legs.length === 0 ? [own] : legs.map((leg) => legCluster(view, leg, port))
  const clusters = refs.map(({ name }, index) => ({ name, weight: legs[index]?.weight ?? 1 }))
  const target = {
    clusters,
    idleTimeoutMs: idleTimeout(view, refs, { host, port, origin }),
    hashSourceIp: hashKeys(view, refs).some(({ kind }) => kind === 'source-ip'),
  }
  return { target, refs, origin }
}

/**
 * A TCP proxy has one idle timeout: that of its destinations where they agree. Where they do not, it is that of the service
 * that was called, and the user is told.
 */
function idleTimeout(
  view: ClientView,
  refs: readonly ClusterRef[],
  called: { readonly host: string; readonly port: number; readonly origin: Origin },
): number | undefined {
  const given = new Set(refs.map((ref) => referencePolicy(view, ref)?.tcpIdleTimeoutMs))
  if (given.size === 1) return [...given][0]
  const own = referencePolicy(view, { ...called, subset: '' })?.tcpIdleTimeoutMs
  view.trace.warnings.push({
    code: 'WEFT_COMPILE_IDLE_TIMEOUT',
    message: `The destinations of ${called.host}:${called.port} have different TCP idle timeouts; ${own === undefined ? 'the default' : `${own} ms`} holds for all`,
    origin: called.origin,
  })
  return own
}
