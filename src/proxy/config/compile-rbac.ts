import type { Any } from '@bufbuild/protobuf/wkt'

import type { CidrRange } from '../../xds/generated/envoy/config/core/v3/address_pb.ts'
import {
  RBAC_Action as Action,
  type Permission,
  type Policy,
  type Principal,
  type RBAC as Rules,
} from '../../xds/generated/envoy/config/rbac/v3/rbac_pb.ts'
import {
  type RBAC,
  RBACPerRouteSchema,
  RBACSchema,
} from '../../xds/generated/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import {
  type RBAC as NetworkRbac,
  RBACSchema as NetworkRbacSchema,
} from '../../xds/generated/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts'
import type { PathMatcher } from '../../xds/generated/envoy/type/matcher/v3/path_pb.ts'
import type { StringMatcher } from '../../xds/generated/envoy/type/matcher/v3/string_pb.ts'
import { createRbacEngine, type RbacConfig, type RbacEngine, type RbacRule } from '../filters/index.ts'
import type { StringMatch } from '../route/index.ts'
import { isIpAddress, isIpv6Address } from './address-values.ts'
import { unpackAny } from './any-types.ts'
import type { CompileContext } from './compile-context.ts'
import { compileHeader, compileString } from './compile-route-match.ts'
import { fieldPath, keyPath } from './fault-list.ts'
import { boundedInteger, requiredText } from './field-values.ts'
import type { NetworkRbacConfig } from './listener-config.ts'

/** Rules nest at most this deep: deciding recurses. */
const maxDepth = 32

/** Where a rule stands: connections without HTTP have no headers and no path. */
interface Place {
  readonly http: boolean
  readonly depth: number
}

/** Compiles `envoy.filters.http.rbac`; undefined when the message is of another type. */
export function compileHttpRbac(context: CompileContext, path: string, any: Any | undefined): RbacConfig | undefined {
  const message = unpackAny(any, RBACSchema)
  return message === undefined ? undefined : compileSettings(context, path, message)
}

/** Compiles `RBACPerRoute`: without rules the filter is off for the route. Undefined when the message is of another type. */
export function compileRbacPerRoute(context: CompileContext, path: string, any: Any): RbacConfig | undefined {
  const message = unpackAny(any, RBACPerRouteSchema)
  if (message === undefined) return undefined
  return message.rbac === undefined ? {} : compileSettings(context, fieldPath(path, 'rbac'), message.rbac)
}

/** Compiles `envoy.filters.network.rbac`; undefined when the message is of another type. */
export function compileNetworkRbac(
  context: CompileContext,
  path: string,
  any: Any | undefined,
): NetworkRbacConfig | undefined {
  const message: NetworkRbac | undefined = unpackAny(any, NetworkRbacSchema)
  if (message === undefined) return undefined
  const statPrefix = requiredText(context, fieldPath(path, 'stat_prefix'), message.statPrefix)
  return {
    statPrefix: statPrefixOf(statPrefix),
    ...engines(context, path, message, false),
  }
}

function compileSettings(context: CompileContext, path: string, message: RBAC): RbacConfig {
  const { rulesStatPrefix, shadowRulesStatPrefix } = message
  return {
    ...engines(context, path, message, true),
    statPrefix: statPrefixOf(rulesStatPrefix),
    shadowStatPrefix: statPrefixOf(shadowRulesStatPrefix),
  }
}

/** A label of counters. Envoy's names are joined by points, so that prefixes mostly end in one. */
function statPrefixOf(prefix: string): string {
  return prefix.endsWith('.') ? prefix.slice(0, -1) : prefix
}

function engines(
  context: CompileContext,
  path: string,
  message: { readonly rules?: Rules | undefined; readonly shadowRules?: Rules | undefined },
  http: boolean,
): Pick<RbacConfig, 'rules' | 'shadow'> {
  const compile = (field: string, rules: Rules | undefined): RbacEngine | undefined =>
    rules === undefined ? undefined : compileRules(context, fieldPath(path, field), rules, http)
  return { rules: compile('rules', message.rules), shadow: compile('shadow_rules', message.shadowRules) }
}

function compileRules(context: CompileContext, path: string, rules: Rules, http: boolean): RbacEngine {
  if (rules.action !== Action.ALLOW && rules.action !== Action.DENY) {
    context.faults.add(fieldPath(path, 'action'), 'Expected ALLOW or DENY; LOG is not implemented by this proxy')
  }
  const names = Object.keys(rules.policies).toSorted(byOctets)
  return createRbacEngine({
    action: rules.action === Action.DENY ? 'deny' : 'allow',
    policies: names.map((name) => {
      const at = keyPath(fieldPath(path, 'policies'), name)
      const policy = rules.policies[name]
      return { name, ...(policy === undefined ? nothing : compilePolicy(context, at, policy, http)) }
    }),
  })
}

const nothing = { permissions: [], principals: [] }

function byOctets(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

function compilePolicy(
  context: CompileContext,
  path: string,
  policy: Policy,
  http: boolean,
): { readonly permissions: readonly RbacRule[]; readonly principals: readonly RbacRule[] } {
  const place = { http, depth: 0 }
  if (policy.permissions.length === 0) context.faults.add(`${path}.permissions`, 'Expected at least one permission')
  if (policy.principals.length === 0) context.faults.add(`${path}.principals`, 'Expected at least one principal')
  return {
    permissions: policy.permissions.map((rule, index) =>
      compilePermission(context, `${path}.permissions[${index}]`, rule, place),
    ),
    principals: policy.principals.map((rule, index) =>
      compilePrincipal(context, `${path}.principals[${index}]`, rule, place),
    ),
  }
}

/** A rule that is at fault: the resource is refused, so that it never decides. */
const never: RbacRule = { kind: 'one-of', rules: [] }

function compilePermission(context: CompileContext, path: string, message: Permission, place: Place): RbacRule {
  const { rule } = message
  const deeper = { ...place, depth: place.depth + 1 }
  if (place.depth > maxDepth) return fault(context, path, `Expected at most ${maxDepth} levels of rules`)
  switch (rule.case) {
    case 'andRules':
    case 'orRules': {
      const at = fieldPath(path, rule.case === 'andRules' ? 'and_rules' : 'or_rules')
      const rules = rule.value.rules.map((inner, index) =>
        compilePermission(context, `${at}.rules[${index}]`, inner, deeper),
      )
      return setOf(context, at, rule.case === 'andRules', rules)
    }
    case 'notRule':
      return { kind: 'not', rule: compilePermission(context, fieldPath(path, 'not_rule'), rule.value, deeper) }
    case 'destinationIp':
      return addressRule(context, fieldPath(path, 'destination_ip'), 'destination', rule.value)
    case 'destinationPort': {
      const field = { value: rule.value, absent: 0, min: 0, max: 65_535 }
      const port = boundedInteger(context, fieldPath(path, 'destination_port'), field)
      return { kind: 'destination-port', start: port, end: port + 1 }
    }
    case 'destinationPortRange': {
      const { start, end } = rule.value
      if (start < 0 || end <= start || end > 65_536) {
        return fault(context, fieldPath(path, 'destination_port_range'), 'Expected start below end, within 0 to 65536')
      }
      return { kind: 'destination-port', start, end }
    }
    case 'requestedServerName': {
      const at = fieldPath(path, 'requested_server_name')
      return { kind: 'server-name', match: stringMatch(context, at, rule.value) }
    }
    case 'any':
    case 'header':
    case 'urlPath':
      return compileCommon(context, path, rule, place)
    default:
      return unsupported(context, path, rule.case)
  }
}

function compilePrincipal(context: CompileContext, path: string, message: Principal, place: Place): RbacRule {
  const { identifier } = message
  const deeper = { ...place, depth: place.depth + 1 }
  if (place.depth > maxDepth) return fault(context, path, `Expected at most ${maxDepth} levels of rules`)
  switch (identifier.case) {
    case 'andIds':
    case 'orIds': {
      const at = fieldPath(path, identifier.case === 'andIds' ? 'and_ids' : 'or_ids')
      const rules = identifier.value.ids.map((inner, index) =>
        compilePrincipal(context, `${at}.ids[${index}]`, inner, deeper),
      )
      return setOf(context, at, identifier.case === 'andIds', rules)
    }
    case 'notId':
      return { kind: 'not', rule: compilePrincipal(context, fieldPath(path, 'not_id'), identifier.value, deeper) }
    case 'authenticated':
      return principalRule(context, fieldPath(path, 'authenticated.principal_name'), identifier.value.principalName)
    case 'sourceIp':
      return addressRule(context, fieldPath(path, 'source_ip'), 'source', identifier.value)
    case 'directRemoteIp':
      return addressRule(context, fieldPath(path, 'direct_remote_ip'), 'direct-remote', identifier.value)
    case 'remoteIp':
      return addressRule(context, fieldPath(path, 'remote_ip'), 'remote', identifier.value)
    case 'any':
    case 'header':
    case 'urlPath':
      return compileCommon(context, path, identifier, place)
    default:
      return unsupported(context, path, identifier.case)
  }
}

type Common = Extract<Permission['rule'], { readonly case: 'any' | 'header' | 'urlPath' }>

function compileCommon(context: CompileContext, path: string, rule: Common, place: Place): RbacRule {
  if (rule.case === 'any') return rule.value ? { kind: 'any' } : fault(context, fieldPath(path, 'any'), 'Expected true')
  const at = fieldPath(path, rule.case === 'header' ? 'header' : 'url_path')
  if (!place.http) return fault(context, at, 'Expected no rule on requests: the filter sees connections only')
  if (rule.case === 'urlPath') return pathRule(context, at, rule.value)
  const match = compileHeader(context, at, rule.value)
  if (match.condition.kind === 'string') checkText(context, at, match.condition.match)
  return { kind: 'header', match }
}

function pathRule(context: CompileContext, path: string, matcher: PathMatcher): RbacRule {
  if (matcher.rule.case !== 'path') return fault(context, fieldPath(path, 'path'), 'Expected a path')
  return { kind: 'path', match: stringMatch(context, fieldPath(path, 'path'), matcher.rule.value) }
}

/** A peer is named by its SPIFFE id alone: a rule for another kind of name would never hold. */
function principalRule(context: CompileContext, path: string, matcher: StringMatcher | undefined): RbacRule {
  if (matcher === undefined) return { kind: 'principal', match: undefined }
  const match = stringMatch(context, path, matcher)
  const scheme = 'spiffe://'
  const { kind } = match
  if (kind === 'exact' || kind === 'prefix') {
    const value = match.ignoreCase ? match.value.toLowerCase() : match.value
    if (!value.startsWith(scheme) && (kind === 'exact' || !scheme.startsWith(value))) {
      const got = JSON.stringify(match.value)
      context.faults.add(path, `Expected a SPIFFE id (spiffe://...), the only name of peers here, got ${got}`)
    }
  }
  return { kind: 'principal', match }
}

function addressRule(
  context: CompileContext,
  path: string,
  which: Extract<RbacRule, { readonly kind: 'address' }>['which'],
  range: CidrRange,
): RbacRule {
  const address = range.addressPrefix
  if (!isIpAddress(address)) {
    return fault(context, `${path}.address_prefix`, `Expected an IP address, got ${JSON.stringify(address)}`)
  }
  const max = isIpv6Address(address) ? 128 : 32
  const length = boundedInteger(context, `${path}.prefix_len`, { value: range.prefixLen, absent: 0, min: 0, max })
  return { kind: 'address', which, range: { address, length } }
}

function setOf(context: CompileContext, path: string, all: boolean, rules: readonly RbacRule[]): RbacRule {
  if (rules.length === 0) return fault(context, path, 'Expected at least one rule')
  return { kind: all ? 'all' : 'one-of', rules }
}

function stringMatch(context: CompileContext, path: string, matcher: StringMatcher): StringMatch {
  const match = compileString(context, path, matcher)
  checkText(context, path, match)
  return match
}

/** Requests are octets: a pattern of other characters would match what nobody meant, or nothing. */
function checkText(context: CompileContext, path: string, match: StringMatch): void {
  if (match.kind === 'regex' && /\P{ASCII}/u.test(match.regex.source)) {
    context.faults.add(path, 'Expected a regular expression of ASCII characters')
  }
}

function fault(context: CompileContext, path: string, message: string): RbacRule {
  context.faults.add(path, message)
  return never
}

/** Set to what the support check reports with its name, or to nothing. */
function unsupported(context: CompileContext, path: string, kind: string | undefined): RbacRule {
  if (kind === undefined) context.faults.add(path, 'Expected a rule, got nothing')
  return never
}
