import type { RequestView } from './decision.ts'
import { applyPathRewrite } from './rewrite-path.ts'
import type { RedirectDefinition } from './route-definition.ts'

/** Builds `Location` for a request, with Envoy's rules for ports and queries. */
export function redirectLocation(redirect: RedirectDefinition, request: RequestView): string {
  const scheme = redirect.scheme ?? request.scheme
  const port = redirect.port === undefined ? '' : `:${redirect.port}`
  const host = redirect.host ?? requestHost(request, scheme, port !== '')
  return `${scheme}://${host}${port}${redirectPath(redirect, request)}`
}

/** The request's authority; its port goes when another is given or when it is the default of a scheme that changes. */
function requestHost(request: RequestView, scheme: string, replacesPort: boolean): string {
  const authority = request.authority
  const colon = portSeparator(authority)
  if (colon < 0) return authority
  const port = authority.slice(colon + 1)
  const defaultPort = request.scheme === 'https' ? '443' : '80'
  const remove = replacesPort || (scheme !== request.scheme && port === defaultPort)
  return remove ? authority.slice(0, colon) : authority
}

/** Index of the colon before a port; -1 when there is none. Colons of a bracketed IPv6 address do not count. */
export function portSeparator(authority: string): number {
  const colon = authority.lastIndexOf(':')
  return colon > authority.lastIndexOf(']') ? colon : -1
}

function redirectPath(redirect: RedirectDefinition, request: RequestView): string {
  const path = redirect.path === undefined ? request.path : applyPathRewrite(redirect.path, request.path)
  const hasOwnQuery = redirect.path?.kind === 'full' && path.includes('?')
  if (hasOwnQuery || redirect.stripQuery || request.query === '') return path
  return `${path}?${request.query}`
}
