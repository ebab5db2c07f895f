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
 * (`normalize_path`, RFC 3986 section 6.2.2; backslashes count as slashes, unreserved characters are unescaped), doubled
 * slashes (`merge_slashes`). Stricter than Envoy in one point: `%2e%2e;x` is a dot segment too, as servers of Java read it.
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
    result = removeDotSegments(canonicalOctets(result.replaceAll('\\', '/')))
  }
  if (options.mergeSlashes) result = result.replaceAll(/\/{2,}/g, '/')
  if (redirected) return { kind: 'redirect', path: result }
  return { kind: 'path', path: result }
}

/**
 * RFC 3986 section 6.2.2.2: what needs no escape has none; what must not stand in a path is escaped. Behind an escape that is cut short
 * (`%2%65`) nothing is unescaped, or the two would make one (`%2e`).
 */
function canonicalOctets(path: string): string {
  return path
    .replaceAll(/(?<!%[\da-f]?)%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/gi, (escape) => unreserved(escape))
    .replaceAll(/["<>^`{|}]/g, (octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase()}`)
}

function unreserved(escape: string): string {
  const text = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
  return /[A-Za-z0-9\-._~]/.test(text) ? text : escape
}

/** RFC 3986 section 5.2.4 for a path that starts with a slash. */
function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, raw] of segments.entries()) {
    // Parameters of a dot segment do not make it a name.
    const segment = /^\.{1,2};/.test(raw) ? raw.slice(0, raw.indexOf(';')) : raw
    const last = index === segments.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (last && (segment === '..' || segment === '.')) kept.push('')
  }
  return `/${kept.join('/')}`
}
