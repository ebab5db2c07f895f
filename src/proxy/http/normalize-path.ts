import type { HttpManagerConfig } from '../config/index.ts'

/** What becomes of a path before anything looks at it. */
export type NormalizedPath =
  | { readonly kind: 'path'; readonly path: string }
  /** 307 to the unescaped path (`UNESCAPE_AND_REDIRECT`). */
  | { readonly kind: 'redirect'; readonly path: string }
  /** 400. */
  | { readonly kind: 'reject' }

type Options = Pick<HttpManagerConfig, 'normalizePath' | 'mergeSlashes' | 'escapedSlashes'>

const reject: NormalizedPath = { kind: 'reject' }

/**
 * Normalises a path (without query) in Envoy's order: escaped slashes (`path_with_escaped_slashes_action`), dot segments
 * (`normalize_path`, RFC 3986 section 6.2.2.3; backslashes count as slashes, `%2e` as a dot), doubled slashes (`merge_slashes`).
 */
export function normalizePath(path: string, options: Options): NormalizedPath {
  let result = path
  let redirected = false
  if (options.escapedSlashes !== 'keep' && /%(?:2f|5c)/i.test(result)) {
    if (options.escapedSlashes === 'reject') return reject
    redirected = options.escapedSlashes === 'unescape-redirect'
    result = result.replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\')
  }
  if (options.normalizePath) {
    if (/%00/.test(result)) return reject
    result = removeDotSegments(result.replaceAll('\\', '/').replaceAll(/%2e/gi, '.'))
  }
  if (options.mergeSlashes) result = result.replaceAll(/\/{2,}/g, '/')
  if (redirected) return { kind: 'redirect', path: result }
  return { kind: 'path', path: result }
}

/** RFC 3986 section 5.2.4 for a path that starts with a slash. */
function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (last && (segment === '..' || segment === '.')) kept.push('')
  }
  return `/${kept.join('/')}`
}
