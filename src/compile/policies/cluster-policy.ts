import type { DestinationPolicy, Service, ServicePort, Subset, TrafficPolicy } from '../../model/index.ts'
import type { ClusterPlan, ClusterRef } from '../plan.ts'
import { type ClientView, findDestination, visibleService } from '../select/index.ts'

/** What a cluster policy decides from. */
export interface ClusterInput {
  readonly view: ClientView
  readonly service: Service
  readonly port: ServicePort
  readonly destination: DestinationPolicy | undefined
  readonly subset: Subset | undefined
  /** The one policy in force for this port and subset. */
  readonly policy: TrafficPolicy | undefined
}

/** Adds its facts about one cluster to the plan. */
export interface ClusterPolicy {
  readonly name: string
  readonly apply: (plan: ClusterPlan, input: ClusterInput) => void
}

/** The policy in force: port of the subset, subset, port of the destination, destination. A port's policy stands wholesale. */
export function effectivePolicy(
  destination: DestinationPolicy | undefined,
  subset: Subset | undefined,
  port: number,
): TrafficPolicy | undefined {
  return subset?.portPolicies.get(port) ?? subset?.policy ?? destination?.portPolicies.get(port) ?? destination?.policy
}

/** The policy in force for a reference; undefined when there is none, or no such service. */
export function referencePolicy(
  view: ClientView,
  { host, port, subset }: Pick<ClusterRef, 'host' | 'port' | 'subset'>,
): TrafficPolicy | undefined {
  const service = visibleService(view, host)
  if (service === undefined) return undefined
  const destination = findDestination(view, service)
  const named = destination?.subsets.find(({ name }) => name === subset)
  return effectivePolicy(destination, named, port)
}
