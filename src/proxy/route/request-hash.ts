import { assertNever } from '../../base/index.ts'
import type { RequestView } from './decision.ts'
import { firstQueryValue } from './query-value.ts'

/** `RouteAction.HashPolicy`: one input of a request's hash. */
export type HashPolicy = {
  /** When a hash is known after this policy, the ones behind it do not count. */
  readonly terminal: boolean
} & (
  | { readonly kind: 'header'; readonly name: string }
  | HashCookie
  | { readonly kind: 'source-ip' }
  /** First value, not decoded. */
  | { readonly kind: 'query'; readonly name: string }
)

/** A cookie that makes requests of one client go to one host. */
export interface HashCookie {
  readonly kind: 'cookie'
  readonly name: string
  /** `Path` of the cookie that is made; empty: none. */
  readonly path: string
  /** `Max-Age` of the cookie that is made, 0: it lives as long as the session; undefined: none is made. */
  readonly ttlSeconds: number | undefined
}

/** What policies hash. */
export interface HashSource {
  readonly request: RequestView
  /** Address of the client without port; empty when it has none. */
  readonly sourceAddress: () => string
  /** The value of a cookie that is made now, for the response to carry. */
  readonly createCookie: (cookie: HashCookie) => string
}

/** The hash of a request by Envoy's rules (xxHash64, seed 0); undefined when no policy found its input: any host will do. */
export function hashRequest(policies: readonly HashPolicy[], source: HashSource): bigint | undefined {
  let hash: bigint | undefined
  for (const policy of policies) {
    const input = inputOf(policy, source)
    if (input !== undefined) {
      const next = hashText(input)
      // The rotation makes the order count: equal inputs of two policies do not cancel each other out.
      hash = hash === undefined ? next : BigInt.asUintN(64, (hash << 1n) | (hash >> 63n)) ^ next
    }
    if (policy.terminal && hash !== undefined) break
  }
  return hash
}

/** The hash that consistent hashing uses for one text. */
export function hashText(text: string): bigint {
  return Bun.hash.xxHash64(text, 0n)
}

function inputOf(policy: HashPolicy, source: HashSource): string | undefined {
  switch (policy.kind) {
    case 'header':
      return source.request.header(policy.name)
    case 'cookie': {
      const value = cookieValue(source.request.header('cookie') ?? '', policy.name)
      if (value !== '') return value
      return policy.ttlSeconds === undefined ? undefined : source.createCookie(policy)
    }
    case 'source-ip': {
      const address = source.sourceAddress()
      return address === '' ? undefined : address
    }
    case 'query':
      return firstQueryValue(source.request.query, policy.name)
    default:
      return assertNever(policy)
  }
}

/** Value of the first cookie of this name without its quotes (RFC 6265 section 4.1.1); empty when there is none. */
export function cookieValue(header: string, name: string): string {
  for (const pair of header.split(';')) {
    const mark = pair.indexOf('=')
    if (mark < 0 || pair.slice(0, mark).trim() !== name) continue
    const value = pair.slice(mark + 1).trim()
    return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
  }
  return ''
}
