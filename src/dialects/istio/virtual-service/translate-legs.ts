import type { Leg, SourceMatch } from '../../../model/index.ts'
import { type FieldPath, originOf, type Resource } from '../../../resources/index.ts'
import type { TranslateContext } from '../../contract.ts'
import { hostSetBy, toHeaderOperations } from '../fields/headers.ts'
import { qualifyGateway, qualifyHost } from '../fields/hosts.ts'
import type { HttpDestinationSpec } from './schema.ts'

/** What the translation of a rule needs of its VirtualService. */
export interface RuleScope {
  readonly resource: Resource
  readonly context: TranslateContext
  /** Of the whole VirtualService, qualified; a match that names none has these. */
  readonly gateways: readonly string[]
}

/**
 * The destinations of a split. A single one gets everything whatever its weight; beside others an absent weight is 0.
 * `hostOfRule` is a host that the rule itself sets, which wins over what a destination sets.
 */
export function translateLegs(
  route: readonly HttpDestinationSpec[],
  path: FieldPath,
  scope: RuleScope,
  hostOfRule?: string,
): readonly Leg[] {
  const { resource, context } = scope
  return route.map((leg, index) => {
    const { destination, headers } = leg
    const host = hostOfRule === undefined ? hostSetBy(headers?.request) : undefined
    const request = toHeaderOperations(headers?.request)
    return {
      host: qualifyHost(destination.host, resource.namespace, context.settings),
      ...(destination.port === undefined ? {} : { port: destination.port.number }),
      ...(destination.subset === undefined ? {} : { subset: destination.subset }),
      weight: route.length === 1 ? 1 : (leg.weight ?? 0),
      requestHeaders: host === undefined ? request : { ...request, set: [...request.set, ['host', host] as const] },
      responseHeaders: toHeaderOperations(headers?.response),
      origin: originOf(resource, [...path, 'route', index]),
    }
  })
}

/** Qualified names of gateways; undefined when none are named. */
export function toGateways(names: readonly string[] | undefined, namespace: string): readonly string[] | undefined {
  if (names === undefined || names.length === 0) return undefined
  return names.map((name) => qualifyGateway(name, namespace))
}

/** The conditions on the caller; undefined when there are none. */
export function toSource(match: {
  readonly sourceLabels?: ReadonlyMap<string, string>
  readonly sourceNamespace?: string
}): SourceMatch | undefined {
  const { sourceLabels = new Map<string, string>(), sourceNamespace } = match
  if (sourceLabels.size === 0 && sourceNamespace === undefined) return undefined
  return { labels: sourceLabels, ...(sourceNamespace === undefined ? {} : { namespace: sourceNamespace }) }
}
