import type { Place } from '../../../resources/schema/index.ts'
import type { HttpMatchSpec } from './match-schema.ts'
import type { HttpRuleSpec, VirtualServiceSpec } from './schema.ts'

/** Rules of `hosts`: at least one, none twice. */
export function checkHosts(hosts: readonly (string | undefined)[], place: Place): void {
  if (hosts.length === 0) {
    place.report({ code: 'WEFT_FIELD_VALUE', expected: 'at least one host', got: 'an empty list' })
  }
  const seen = new Set<string>()
  for (const [index, host] of hosts.entries()) {
    if (host === undefined) continue
    if (seen.has(host)) place.at(index).report({ code: 'WEFT_FIELD_CONFLICT', message: `Host ${host} is listed twice` })
    seen.add(host)
  }
}

/** Rules between the fields of a VirtualService. */
export function checkVirtualService(
  spec: Partial<VirtualServiceSpec>,
  place: Place,
  written: (name: string) => boolean,
): void {
  if (!written('http') && !written('tcp') && !written('tls')) {
    place.report({ code: 'WEFT_FIELD_MISSING', message: 'A VirtualService needs rules in http or tcp' })
  }
  for (const name of ['http', 'tcp'] as const) {
    if (spec[name]?.length === 0) {
      place.at(name).report({ code: 'WEFT_FIELD_VALUE', expected: 'at least one rule', got: 'an empty list' })
    }
  }
  const gateways = written('gateways') ? spec.gateways : ['mesh']
  if (gateways === undefined) return
  const bound = gateways.length === 0 ? ['mesh'] : gateways
  const star = spec.hosts?.indexOf('*') ?? -1
  if (star >= 0 && bound.includes('mesh')) {
    place.at('hosts', star).report({
      code: 'WEFT_FIELD_VALUE',
      message: 'Host * is only for gateways: it would take over every call in the mesh',
      remedy: 'Name the hosts, or bind the VirtualService to gateways only',
    })
  }
  warnOfGateways(bound, place)
}

function warnOfGateways(gateways: readonly string[], place: Place): void {
  const others = gateways.filter((gateway) => gateway !== 'mesh')
  if (others.length === 0) return
  const part = gateways.includes('mesh') ? `Routes for ${others.join(', ')} take` : 'The rules take'
  place.at('gateways').report({
    code: 'WEFT_ISTIO_GATEWAY_NOT_SERVED',
    severity: 'warning',
    message: `${part} effect when gateways are served, which this version does not do`,
  })
}

/** Rules of the weights of a split: a sum above zero, and a word where a destination gets nothing. */
export function checkWeights(routes: readonly ({ readonly weight?: number } | undefined)[], place: Place): void {
  if (routes.length === 0) {
    place.report({ code: 'WEFT_FIELD_VALUE', expected: 'at least one destination', got: 'an empty list' })
  }
  if (routes.some((route) => route === undefined)) return
  const total = routes.reduce((sum, route) => sum + (route?.weight ?? 0), 0)
  const [only] = routes
  if (routes.length === 1) {
    if (only?.weight === 0)
      warnWeight(place.at(0, 'weight'), 'A single destination gets everything, its weight 0 has no effect')
    return
  }
  if (total === 0 && routes.length > 1) {
    place.report({
      code: 'WEFT_FIELD_VALUE',
      expected: 'weights with a sum above 0',
      got: '0',
      remedy: 'Give each destination a weight',
    })
    return
  }
  if (total > 4_294_967_295) {
    place.report({ code: 'WEFT_FIELD_VALUE', expected: 'weights with a sum of at most 4294967295', got: String(total) })
  }
  for (const [index, route] of routes.entries()) {
    if (route?.weight === undefined)
      warnWeight(place.at(index), 'A destination without a weight gets nothing beside weighted ones')
  }
}

function warnWeight(place: Place, message: string): void {
  place.report({ code: 'WEFT_ISTIO_NO_EFFECT', severity: 'warning', message, remedy: 'Give it a weight, or remove it' })
}

/** Warns of rules below one that takes every request. */
export function checkHttpRules(rules: readonly (HttpRuleSpec | undefined)[], place: Place): void {
  const last = rules.findIndex((rule) => rule !== undefined && takesAll(rule))
  if (last < 0 || last === rules.length - 1) return
  place.at(last + 1).report({
    code: 'WEFT_ISTIO_UNREACHABLE_RULE',
    severity: 'warning',
    message: `Rules from here on are never reached: http[${last}] takes every request`,
    remedy: 'Move the general rule to the end, or remove the others',
  })
}

function takesAll(rule: HttpRuleSpec): boolean {
  return rule.match === undefined || rule.match.length === 0 || rule.match.some(matchesAll)
}

function matchesAll(match: HttpMatchSpec): boolean {
  const { name: _, ignoreUriCase: __, uri, ...conditions } = match
  const anyPath = uri === undefined || (uri.kind === 'prefix' && uri.value === '/')
  return anyPath && Object.keys(conditions).length === 0
}
