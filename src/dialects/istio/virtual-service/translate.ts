import type { HttpRoute, TcpMatch, TcpRouteRule } from '../../../model/index.ts'
import { type FieldPath, originOf, type Resource } from '../../../resources/index.ts'
import type { TranslateContext } from '../../contract.ts'
import { exportToOrAll, qualifyHost } from '../fields/hosts.ts'
import type { TcpMatchSpec } from './match-schema.ts'
import type { TcpRuleSpec, VirtualServiceSpec } from './schema.ts'
import { translateHttpRule } from './translate-http.ts'
import { type RuleScope, toGateways, toSource, translateLegs } from './translate-legs.ts'

/** What a VirtualService means: ordered rules for fully qualified hosts. Rules keep the order they were written in. */
export function translateVirtualService(
  resource: Resource,
  spec: VirtualServiceSpec,
  context: TranslateContext,
): HttpRoute {
  const { namespace, name } = resource
  const gateways = toGateways(spec.gateways, namespace) ?? ['mesh']
  const scope: RuleScope = { resource, context, gateways }
  return {
    namespace,
    name,
    hosts: spec.hosts.map((host) => qualifyHost(host, namespace, context.settings)),
    gateways,
    exportTo: exportToOrAll(spec.exportTo),
    http: (spec.http ?? []).map((rule, index) => translateHttpRule(rule, ['spec', 'http', index], scope)),
    tcp: (spec.tcp ?? []).map((rule, index) => translateTcpRule(rule, ['spec', 'tcp', index], scope)),
    createdAt: context.createdAt,
    origin: originOf(resource),
  }
}

function translateTcpRule(rule: TcpRuleSpec, path: FieldPath, scope: RuleScope): TcpRouteRule {
  return {
    matches: (rule.match ?? []).map((match) => translateTcpMatch(match, scope)),
    legs: translateLegs(rule.route, path, scope),
    origin: originOf(scope.resource, path),
  }
}

function translateTcpMatch(match: TcpMatchSpec, scope: RuleScope): TcpMatch {
  const source = toSource(match)
  return {
    ...(match.port === undefined ? {} : { port: match.port }),
    ...(source === undefined ? {} : { source }),
    gateways: toGateways(match.gateways, scope.resource.namespace) ?? scope.gateways,
  }
}
