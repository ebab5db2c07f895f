import { spiffeIdOf } from '../../../identity/index.ts'
import type { Workload } from '../../../model/index.ts'
import { originOf, type Resource } from '../../../resources/index.ts'
import type { TranslateContext } from '../../contract.ts'
import type { WorkloadEntrySpec } from './schema.ts'

/**
 * What a WorkloadEntry means: a workload without a proxy, always ready. Its labels are those of the entry's `spec`; a port
 * listens under its own number.
 */
export function translateWorkloadEntry(
  resource: Resource,
  spec: WorkloadEntrySpec,
  context: TranslateContext,
): Workload {
  const { namespace, name } = resource
  const account = spec.serviceAccount ?? 'default'
  return {
    id: `workload-entry~${namespace}~${name}`,
    namespace,
    name,
    labels: spec.labels ?? new Map(),
    serviceAccount: account,
    spiffeId: spiffeIdOf(context.settings.trustDomain, namespace, account),
    address: spec.address,
    ports: [...(spec.ports ?? [])].map(([portName, port]) => ({
      port,
      name: portName,
      applicationPort: port,
      meshPort: port,
    })),
    // Istio reads a weight of 0 as not set.
    weight: spec.weight === undefined || spec.weight === 0 ? 1 : spec.weight,
    meshed: false,
    health: 'ready',
    createdAt: context.createdAt,
    origin: originOf(resource),
  }
}
