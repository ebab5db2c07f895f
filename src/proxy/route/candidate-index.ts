import type { PathMatch } from './route-definition.ts'

/** What the index needs of a route: the condition on the path. */
export interface PathMatched {
  readonly path: PathMatch
}

/** Narrows the routes of a virtual host to those that a path can match, in their order. */
export interface CandidateIndex<Route extends PathMatched> {
  readonly candidates: (path: string) => readonly Route[]
}

/** Positions looked at when the splitting position is chosen; longer common prefixes than this are not worth a bucket. */
const maxPosition = 48

/** Below this many routes a plain scan is as fast. */
const minRoutesToIndex = 4

/**
 * Routes are tried in order, so an index may only leave out routes that cannot match. Paths are told apart by the one
 * character position that splits the literal paths best: `/api/v1/users` and `/api/v1/orders` differ at position 8, and a
 * request looks only at routes whose character there is its own, or that do not care.
 */
export function createCandidateIndex<Route extends PathMatched>(routes: readonly Route[]): CandidateIndex<Route> {
  const position = routes.length < minRoutesToIndex ? -1 : bestPosition(routes)
  if (position < 0) return { candidates: () => routes }
  const codes = new Set(routes.map((route) => codeAt(route.path, position)).filter((code) => code !== undefined))
  const buckets = new Map<number, readonly Route[]>()
  for (const code of codes) {
    buckets.set(
      code,
      routes.filter((route) => canMatch(route.path, position, code)),
    )
  }
  const others = routes.filter((route) => canMatch(route.path, position, undefined))
  return {
    candidates: (path) => (path.length > position ? (buckets.get(path.charCodeAt(position)) ?? others) : others),
  }
}

/** The position with the smallest largest bucket; -1 when none leaves any route out. */
function bestPosition(routes: readonly PathMatched[]): number {
  let best = -1
  let bestSize = routes.length
  for (let position = 0; position < maxPosition; position++) {
    const counts = new Map<number, number>()
    let careless = 0
    for (const { path } of routes) {
      const code = codeAt(path, position)
      if (code === undefined) careless++
      else counts.set(code, (counts.get(code) ?? 0) + 1)
    }
    if (counts.size === 0) continue
    const size = careless + Math.max(...counts.values())
    if (size < bestSize) {
      best = position
      bestSize = size
    }
  }
  return best
}

/** The character that a path must have at a position for the route to match; undefined when the route does not care. */
function codeAt(path: PathMatch, position: number): number | undefined {
  if (path.kind === 'regex' || path.kind === 'connect') return undefined
  if (path.ignoreCase || position >= path.value.length) return undefined
  return path.value.charCodeAt(position)
}

/** A route that fixes the character matches only its own bucket: not shorter paths, and not other characters. */
function canMatch(path: PathMatch, position: number, code: number | undefined): boolean {
  const wanted = codeAt(path, position)
  return wanted === undefined || wanted === code
}
