import type { DestinationPolicy, Subset, TrafficPolicy } from '../../../model/index.ts'
import { type FieldPath, originOf, type Resource } from '../../../resources/index.ts'
import type { TranslateContext } from '../../contract.ts'
import { exportToOrAll, qualifyHost } from '../fields/hosts.ts'
import type { DestinationRuleSpec, PolicySections, SubsetSpec, TrafficPolicySpec } from './schema.ts'
import { type PlacedSections, translateTrafficPolicy } from './translate-policy.ts'

/** What a DestinationRule means, with the policies of subsets and ports already merged. */
export function translateDestinationRule(
  resource: Resource,
  spec: DestinationRuleSpec,
  context: TranslateContext,
): DestinationPolicy {
  const own = placePolicy(resource, spec.trafficPolicy, ['spec', 'trafficPolicy'])
  const policy = translateTrafficPolicy(own.sections)
  return {
    namespace: resource.namespace,
    name: resource.name,
    host: qualifyHost(spec.host, resource.namespace, context.settings),
    ...(policy === undefined ? {} : { policy }),
    portPolicies: translatePorts(own.ports),
    subsets: (spec.subsets ?? []).map((subset, index) => translateSubset(resource, subset, index, own)),
    clientLabels: spec.workloadSelector?.matchLabels ?? new Map(),
    exportTo: exportToOrAll(spec.exportTo),
    createdAt: context.createdAt,
    origin: originOf(resource),
  }
}

interface PlacedPolicy {
  readonly sections: PlacedSections | undefined
  readonly ports: ReadonlyMap<number, PlacedSections>
}

function placePolicy(resource: Resource, spec: TrafficPolicySpec | undefined, path: FieldPath): PlacedPolicy {
  if (spec === undefined) return { sections: undefined, ports: new Map() }
  const ports = new Map<number, PlacedSections>()
  for (const [index, setting] of (spec.portLevelSettings ?? []).entries()) {
    const origin = originOf(resource, [...path, 'portLevelSettings', index])
    ports.set(setting.port.number, { sections: setting, origin })
  }
  const empty = Object.keys(pick(spec)).length === 0
  return { sections: empty ? undefined : { sections: spec, origin: originOf(resource, path) }, ports }
}

/**
 * A subset's sections replace the destination's one by one. For a port the subset's own entry stands alone; without one
 * the destination's entry for the port is taken, with the subset's sections over it.
 */
function translateSubset(resource: Resource, subset: SubsetSpec, index: number, base: PlacedPolicy): Subset {
  const path = ['spec', 'subsets', index]
  const own = placePolicy(resource, subset.trafficPolicy, [...path, 'trafficPolicy'])
  const policy = translateTrafficPolicy(merge(base.sections, own.sections))
  const ports = new Map<number, PlacedSections>()
  for (const [port, settings] of base.ports) ports.set(port, merge(settings, own.sections) ?? settings)
  for (const [port, settings] of own.ports) ports.set(port, settings)
  return {
    name: subset.name,
    labels: subset.labels ?? new Map(),
    ...(policy === undefined ? {} : { policy }),
    portPolicies: translatePorts(ports),
    origin: originOf(resource, path),
  }
}

function merge(base: PlacedSections | undefined, over: PlacedSections | undefined): PlacedSections | undefined {
  if (base === undefined || over === undefined) return over ?? base
  const sections: PolicySections = {
    ...pick(base.sections),
    ...pick(over.sections),
  }
  return { sections, origin: over.origin }
}

function pick(sections: PolicySections): PolicySections {
  const { connectionPool, loadBalancer, outlierDetection, tls } = sections
  return {
    ...(connectionPool === undefined ? {} : { connectionPool }),
    ...(loadBalancer === undefined ? {} : { loadBalancer }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    ...(tls === undefined ? {} : { tls }),
  }
}

function translatePorts(ports: ReadonlyMap<number, PlacedSections>): ReadonlyMap<number, TrafficPolicy> {
  const policies = new Map<number, TrafficPolicy>()
  for (const [port, sections] of ports) {
    const policy = translateTrafficPolicy(sections)
    if (policy !== undefined) policies.set(port, policy)
  }
  return policies
}
