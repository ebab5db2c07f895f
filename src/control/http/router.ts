import type { Method, Route } from './route.ts'

/** Outcome of a lookup. `allowed`: the path exists for other methods only. */
export type RouteMatch =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'wrong-method'; readonly allowed: readonly Method[] }
  | { readonly kind: 'unknown' }

/** Finds the route of a request; parameters are percent-decoded, a malformed or empty one matches nothing. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => RouteMatch {
  const table = routes.map((route) => ({ route, segments: route.path.split('/') }))
  return (method, path) => {
    const segments = path.split('/')
    const allowed: Method[] = []
    for (const { route, segments: pattern } of table) {
      const params = matchSegments(pattern, segments)
      if (params === undefined) continue
      // HEAD is GET without the body, which the server drops by itself.
      if (route.method === method || (method === 'HEAD' && route.method === 'GET'))
        return { kind: 'found', route, params }
      allowed.push(route.method)
    }
    return allowed.length > 0 ? { kind: 'wrong-method', allowed } : { kind: 'unknown' }
  }
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (pattern.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? ''
    if (!part.startsWith('{')) {
      if (part !== segment) return undefined
      continue
    }
    const value = decodeSegment(segment)
    if (value === undefined || value === '') return undefined
    params[part.slice(1, -1)] = value
  }
  return params
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined // Malformed percent escape.
  }
}
