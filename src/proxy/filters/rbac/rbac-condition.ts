import { assertNever, parseIp } from '../../../base/index.ts'
import type { StringMatch } from '../../route/index.ts'
import type { IpRange, RbacRule, RbacSubject } from './contract.ts'
import { compileHeaderCondition } from './header-condition.ts'
import { compileTextTest } from './text-test.ts'

/** One compiled rule; never allocates where the subject is plain. */
export type RbacCondition = (subject: RbacSubject) => boolean

/**
 * Compiles a rule.
 *
 * @param loose A match leads to denial: in doubt the rule holds. Otherwise it does not.
 */
export function compileRule(rule: RbacRule, loose: boolean): RbacCondition {
  switch (rule.kind) {
    case 'any':
      return always
    case 'all': {
      const conditions = rule.rules.map((inner) => compileRule(inner, loose))
      return (subject) => conditions.every((condition) => condition(subject))
    }
    case 'one-of':
      return anyOf(rule.rules, loose)
    case 'not': {
      const condition = compileRule(rule.rule, !loose)
      return (subject) => !condition(subject)
    }
    case 'header':
      return compileHeaderCondition(rule.match, loose)
    case 'path':
      return pathCondition(rule.match, loose)
    case 'address':
      return addressCondition(rule.which, rule.range, loose)
    case 'destination-port': {
      const { start, end } = rule
      return ({ connection }) => connection.destinationPort >= start && connection.destinationPort < end
    }
    case 'server-name': {
      const test = compileTextTest(rule.match, loose)
      return ({ connection: { serverName } }) => test(serverName) || (loose && test(serverName.toLowerCase()))
    }
    case 'principal':
      return principalCondition(rule.match, loose)
    default:
      return assertNever(rule)
  }
}

/** One of the rules holds; with `any` among them all of them need not be asked. */
export function anyOf(rules: readonly RbacRule[], loose: boolean): RbacCondition {
  if (rules.some(({ kind }) => kind === 'any')) return always
  const conditions = rules.map((rule) => compileRule(rule, loose))
  const [only] = conditions
  if (only !== undefined && conditions.length === 1) return only
  return (subject) => {
    for (const condition of conditions) if (condition(subject)) return true
    return false
  }
}

/** True when the rule asks for nothing but the connection, so that its outcome is the same for all requests on it. */
export function isOfConnection(rule: RbacRule): boolean {
  switch (rule.kind) {
    case 'all':
    case 'one-of':
      return rule.rules.every(isOfConnection)
    case 'not':
      return isOfConnection(rule.rule)
    case 'header':
    case 'path':
      return false
    case 'address':
      return rule.which !== 'remote'
    default:
      return true
  }
}

const always: RbacCondition = () => true

/** Some servers take what follows `;` in a segment for parameters and leave it out: a rule that denies a path denies it with those too. */
function pathCondition(match: StringMatch, loose: boolean): RbacCondition {
  const test = compileTextTest(match, loose)
  return ({ request }) => {
    if (request === undefined) return false
    const { path } = request
    if (!path.includes(';')) return test(path)
    const bare = path.replaceAll(/;[^/]*/g, '')
    return loose ? test(path) || test(bare) : test(path) && test(bare)
  }
}

/** Only a verified SPIFFE id is a name: a peer without one has none. */
function principalCondition(match: StringMatch | undefined, loose: boolean): RbacCondition {
  if (match === undefined) return ({ connection }) => connection.tls
  const test = compileTextTest(match, loose)
  return ({ connection: { peerSpiffeId } }) => peerSpiffeId !== '' && test(peerSpiffeId)
}

function addressCondition(
  which: 'destination' | 'source' | 'direct-remote' | 'remote',
  range: IpRange,
  loose: boolean,
): RbacCondition {
  const contains = rangeTest(range, loose)
  switch (which) {
    case 'destination':
      return ({ connection }) => contains(connection.destinationAddress)
    case 'source':
      return ({ connection }) => contains(withoutPort(connection.remoteAddress))
    case 'direct-remote':
      return ({ connection }) => contains(withoutPort(connection.directRemoteAddress ?? connection.remoteAddress))
    case 'remote':
      return (subject) => contains(subject.remoteAddress)
    default:
      return assertNever(which)
  }
}

function withoutPort(address: string): string {
  const colon = address.lastIndexOf(':')
  const host = colon < 0 ? address : address.slice(0, colon)
  return host.startsWith('[') ? host.slice(1, -1) : host
}

/** An address that cannot be read is in the range where being in it denies. */
function rangeTest({ address, length }: IpRange, onFailure: boolean): (text: string) => boolean {
  const network = parseIp(address)
  if (network === undefined) return () => onFailure
  const rest = BigInt((network.family === 4 ? 32 : 128) - length)
  const wanted = network.value >> rest
  return (text) => {
    const ip = parseIp(text)
    if (ip === undefined) return onFailure
    return ip.family === network.family && ip.value >> rest === wanted
  }
}
