import {
  type HeaderMatcher,
  type QueryParameterMatcher,
  type RouteMatch,
} from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import type { RegexMatcher } from '../../xds/generated/envoy/type/matcher/v3/regex_pb.ts'
import type { StringMatcher } from '../../xds/generated/envoy/type/matcher/v3/string_pb.ts'
import {
  compileRegularExpression,
  type HeaderMatch,
  type MatchDefinition,
  type PathMatch,
  type QueryMatch,
  type RegularExpression,
  type StringMatch,
} from '../route/index.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { partsPerMillion, requiredText } from './field-values.ts'

const anything: StringMatch = { kind: 'prefix', value: '', ignoreCase: false }

/** Compiles `RouteMatch`. */
export function compileRouteMatch(
  context: CompileContext,
  path: string,
  match: RouteMatch | undefined,
): MatchDefinition {
  if (match === undefined) {
    context.faults.add(path, 'Expected a match, got nothing')
    return {
      path: { kind: 'prefix', value: '/', ignoreCase: false },
      headers: [],
      query: [],
      partsPerMillion: undefined,
    }
  }
  const fraction = match.runtimeFraction
  const fractionPath = fieldPath(path, 'runtime_fraction.default_value')
  if (fraction !== undefined && fraction.defaultValue === undefined)
    context.faults.add(fractionPath, 'Expected a value')
  return {
    path: compilePathMatch(context, path, match),
    headers: match.headers.map((header, index) => compileHeader(context, `${path}.headers[${index}]`, header)),
    query: match.queryParameters.map((query, index) =>
      compileQuery(context, `${path}.query_parameters[${index}]`, query),
    ),
    partsPerMillion: fraction === undefined ? undefined : partsPerMillion(context, fractionPath, fraction.defaultValue),
  }
}

/** Compiles a `RegexMatcher`; undefined when it is at fault. */
export function compileRegex(
  context: CompileContext,
  path: string,
  matcher: RegexMatcher | undefined,
): RegularExpression | undefined {
  const compiled = compileRegularExpression(matcher?.regex ?? '')
  if (compiled.ok) return compiled.value
  context.faults.add(fieldPath(path, 'regex'), compiled.error)
  return undefined
}

function compilePathMatch(context: CompileContext, path: string, match: RouteMatch): PathMatch {
  const ignoreCase = match.caseSensitive === false
  const specifier = match.pathSpecifier
  switch (specifier.case) {
    case 'prefix':
      return { kind: 'prefix', value: specifier.value, ignoreCase }
    case 'path':
      return { kind: 'exact', value: specifier.value, ignoreCase }
    case 'pathSeparatedPrefix': {
      if (!/^[^?#]+[^?#/]$/.test(specifier.value)) {
        const expected = 'Expected a path without trailing slash, query or fragment'
        context.faults.add(
          fieldPath(path, 'path_separated_prefix'),
          `${expected}, got ${JSON.stringify(specifier.value)}`,
        )
      }
      return { kind: 'separated-prefix', value: specifier.value, ignoreCase }
    }
    case 'safeRegex': {
      const regex = compileRegex(context, fieldPath(path, 'safe_regex'), specifier.value)
      return regex === undefined ? { kind: 'prefix', value: '/', ignoreCase } : { kind: 'regex', regex }
    }
    case 'connectMatcher':
      return { kind: 'connect' }
    case undefined:
      context.faults.add(path, 'Expected prefix, path, safe_regex, path_separated_prefix or connect_matcher')
      return { kind: 'prefix', value: '/', ignoreCase }
    default:
      // path_match_policy: reported by the support check.
      return { kind: 'prefix', value: '/', ignoreCase }
  }
}

/** Compiles a `StringMatcher`. */
export function compileString(context: CompileContext, path: string, matcher: StringMatcher): StringMatch {
  const pattern = matcher.matchPattern
  const { ignoreCase } = matcher
  switch (pattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      if (pattern.value === '' && pattern.case !== 'exact') {
        context.faults.add(fieldPath(path, pattern.case), 'Expected a text, got nothing')
      }
      return { kind: pattern.case, value: pattern.value, ignoreCase }
    case 'safeRegex': {
      if (ignoreCase)
        context.faults.add(fieldPath(path, 'ignore_case'), 'Has no effect on safe_regex; write (?i) in the pattern')
      return regexMatch(context, fieldPath(path, 'safe_regex'), pattern.value)
    }
    case undefined:
      context.faults.add(path, 'Expected exact, prefix, suffix, contains or safe_regex')
      return anything
    default:
      return anything
  }
}

function regexMatch(context: CompileContext, path: string, matcher: RegexMatcher): StringMatch {
  const regex = compileRegex(context, path, matcher)
  return regex === undefined ? anything : { kind: 'regex', regex }
}

/** Compiles a `HeaderMatcher`. */
export function compileHeader(context: CompileContext, path: string, matcher: HeaderMatcher): HeaderMatch {
  return {
    name: requiredText(context, fieldPath(path, 'name'), matcher.name).toLowerCase(),
    condition: headerCondition(context, path, matcher),
    invert: matcher.invertMatch,
    missingIsEmpty: matcher.treatMissingHeaderAsEmpty,
  }
}

function headerCondition(context: CompileContext, path: string, matcher: HeaderMatcher): HeaderMatch['condition'] {
  const specifier = matcher.headerMatchSpecifier
  const literal = (kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string): HeaderMatch['condition'] => ({
    kind: 'string',
    match: { kind, value, ignoreCase: false },
  })
  switch (specifier.case) {
    case 'exactMatch':
      return literal('exact', specifier.value)
    case 'prefixMatch':
      return literal('prefix', specifier.value)
    case 'suffixMatch':
      return literal('suffix', specifier.value)
    case 'containsMatch':
      return literal('contains', specifier.value)
    case 'safeRegexMatch':
      return { kind: 'string', match: regexMatch(context, fieldPath(path, 'safe_regex_match'), specifier.value) }
    case 'stringMatch':
      return { kind: 'string', match: compileString(context, fieldPath(path, 'string_match'), specifier.value) }
    case 'rangeMatch':
      return { kind: 'range', start: specifier.value.start, end: specifier.value.end }
    case 'presentMatch':
      return { kind: 'present', present: specifier.value }
    default:
      return { kind: 'present', present: true }
  }
}

function compileQuery(context: CompileContext, path: string, matcher: QueryParameterMatcher): QueryMatch {
  const specifier = matcher.queryParameterMatchSpecifier
  const name = requiredText(context, fieldPath(path, 'name'), matcher.name)
  if (specifier.case === 'stringMatch') {
    const match = compileString(context, fieldPath(path, 'string_match'), specifier.value)
    return { name, condition: { kind: 'string', match } }
  }
  return { name, condition: { kind: 'present', present: specifier.case === 'presentMatch' ? specifier.value : true } }
}
