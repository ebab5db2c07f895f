import { assertNever } from '../../base/index.ts'
import type { ForwardDecision, PathRewrite } from './decision.ts'

/** The path to send upstream for a matched request, both without query; the caller appends the query as it came. */
export function rewritePath(decision: ForwardDecision, path: string): string {
  return decision.pathRewrite === undefined ? path : applyPathRewrite(decision.pathRewrite, path)
}

/** Applies a compiled replacement to a path that its route matched. */
export function applyPathRewrite(rewrite: PathRewrite, path: string): string {
  switch (rewrite.kind) {
    case 'prefix':
      // By length: a prefix that was matched without regard to case is replaced all the same.
      return rewrite.replacement + path.slice(rewrite.matched.length)
    case 'full':
      return rewrite.replacement
    case 'regex':
      return rewrite.apply(path)
    default:
      return assertNever(rewrite)
  }
}
