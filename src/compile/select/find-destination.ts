import type { DestinationPolicy, Service } from '../../model/index.ts'
import type { ClientView } from './client-view.ts'
import { hostPatterns } from './host-patterns.ts'
import { hasLabels, isVisible } from './visibility.ts'

/**
 * The destination policy for calls from this client to a service: the client's namespace (unless it is the root) before
 * the service's before the root, and in each the most specific host. Policies for the same host in one namespace add
 * their subsets to the oldest, as in Istio; one that selects this client by labels goes before one that selects all.
 */
export function findDestination(view: ClientView, service: Service): DestinationPolicy | undefined {
  const patterns = hostPatterns(service.host)
  for (const pattern of patterns) view.trace.hosts.add(pattern)
  const { rootNamespace } = view.mesh.settings
  const client = view.workload.namespace
  const namespaces = new Set([...(client === rootNamespace ? [] : [client]), service.namespace, rootNamespace])
  for (const namespace of namespaces) {
    for (const pattern of patterns) {
      const candidates = (view.mesh.destinationsByHost.get(pattern) ?? []).filter(
        (policy) =>
          policy.namespace === namespace &&
          isVisible(policy.exportTo, policy.namespace, client) &&
          hasLabels(view.workload.labels, policy.clientLabels),
      )
      const found = candidates.find((policy) => policy.clientLabels.size > 0) ?? mergeAll(candidates)
      if (found !== undefined) return found
    }
  }
  return undefined
}

function mergeAll(policies: readonly DestinationPolicy[]): DestinationPolicy | undefined {
  const [oldest, ...others] = policies
  if (oldest === undefined || others.length === 0) return oldest
  const subsets = new Map(oldest.subsets.map((subset) => [subset.name, subset]))
  let { policy } = oldest
  for (const other of others) {
    policy ??= other.policy
    for (const subset of other.subsets) if (!subsets.has(subset.name)) subsets.set(subset.name, subset)
  }
  return {
    ...oldest,
    name: policies.map((each) => each.name).join('+'),
    ...(policy === undefined ? {} : { policy }),
    subsets: [...subsets.values()],
  }
}
