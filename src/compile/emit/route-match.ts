import type { Init } from './init.ts'
import type { HttpMatch, PathMatch, QueryMatch, StringMatch } from '../../model/index.ts'
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import type { StringMatcherSchema } from '../../xds/generated/envoy/type/matcher/v3/string_pb.ts'

type HeaderInit = Init<typeof HeaderMatcherSchema>
type MatchInit = Init<typeof RouteMatchSchema>

/** Conditions of a route; without any, every path. */
export function routeMatch(match: HttpMatch | undefined): MatchInit {
  if (match === undefined) return { pathSpecifier: { case: 'prefix', value: '/' } }
  const headers: HeaderInit[] = []
  if (match.method !== undefined) headers.push(header(':method', match.method, false))
  if (match.scheme !== undefined) headers.push(header(':scheme', match.scheme, false))
  if (match.authority !== undefined) headers.push(header(':authority', match.authority, false))
  for (const each of match.headers) headers.push(header(each.name, each.match, each.invert))
  return {
    ...path(match.path),
    ...(headers.length === 0 ? {} : { headers }),
    ...(match.query.length === 0 ? {} : { queryParameters: match.query.map(query) }),
  }
}

function path(match: PathMatch | undefined): MatchInit {
  if (match === undefined) return { pathSpecifier: { case: 'prefix', value: '/' } }
  if (match.kind === 'regex') return { pathSpecifier: { case: 'safeRegex', value: { regex: match.value } } }
  const caseSensitive = match.ignoreCase ? { caseSensitive: false } : {}
  if (match.kind === 'exact') return { pathSpecifier: { case: 'path', value: match.value }, ...caseSensitive }
  if (match.kind === 'prefix') return { pathSpecifier: { case: 'prefix', value: match.value }, ...caseSensitive }
  // Envoy takes no trailing slash here; `/` alone is every path.
  const value = match.value.replace(/\/+$/, '')
  if (value === '') return { pathSpecifier: { case: 'prefix', value: '/' } }
  return { pathSpecifier: { case: 'pathSeparatedPrefix', value }, ...caseSensitive }
}

function header(name: string, match: StringMatch, invert: boolean): HeaderInit {
  const inverted = invert ? { invertMatch: true } : {}
  if (match.kind === 'present') {
    return { name, headerMatchSpecifier: { case: 'presentMatch', value: true }, ...inverted }
  }
  return {
    name,
    headerMatchSpecifier: { case: 'stringMatch', value: text(match) },
    // A header that is absent is not equal to anything: `withoutHeaders` holds for it.
    ...(invert ? { invertMatch: true, treatMissingHeaderAsEmpty: true } : {}),
  }
}

function query({ name, match }: QueryMatch): Init<typeof QueryParameterMatcherSchema> {
  if (match.kind === 'present') {
    return { name, queryParameterMatchSpecifier: { case: 'presentMatch', value: true } }
  }
  return { name, queryParameterMatchSpecifier: { case: 'stringMatch', value: text(match) } }
}

function text(match: Exclude<StringMatch, { readonly kind: 'present' }>): Init<typeof StringMatcherSchema> {
  if (match.kind === 'regex') return { matchPattern: { case: 'safeRegex', value: { regex: match.value } } }
  return {
    matchPattern: { case: match.kind, value: match.value },
    ...(match.ignoreCase === true ? { ignoreCase: true } : {}),
  }
}
