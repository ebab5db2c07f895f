import type { HttpMatch, Rewrite } from '../../../model/index.ts'
import type { PathRewritePlan } from '../../plan.ts'
import type { RoutePolicy } from '../route-policy.ts'

/** Path and host of the request that goes upstream. A header operation on the host, applied later, goes before `authority`. */
export const rewritePolicy: RoutePolicy = {
  name: 'rewrite',
  apply(plan, { rule, match }) {
    if (rule.action.kind !== 'forward' || rule.rewrite === undefined) return
    plan.hostRewrite = rule.rewrite.authority
    if (rule.rewrite.path !== undefined) plan.pathRewrite = pathRewrite(rule.rewrite.path, match)
  },
}

function pathRewrite(path: NonNullable<Rewrite['path']>, match: HttpMatch | undefined): PathRewritePlan {
  if (path.kind === 'regex') return { kind: 'regex', pattern: path.pattern, substitution: path.substitution }
  if (path.kind === 'full') return { kind: 'regex', pattern: '^/.*$', substitution: escapeSubstitution(path.value) }
  if (match?.path?.kind !== 'segment-prefix') return { kind: 'prefix', value: path.value }
  // `/v1` rewritten to `/` must turn `/v1/a` into `/a`, not `//a`: the slash after the segment goes with it.
  const prefix = match.path.value.replace(/\/$/, '')
  const value = path.value.replace(/\/$/, '')
  if (value !== '') return { kind: 'prefix', value }
  const flag = match.path.ignoreCase ? '(?i)' : ''
  return { kind: 'regex', pattern: `^${flag}${escapePattern(prefix)}(/?)(.*)`, substitution: '/\\2' }
}

/** Envoy reads `\1` in a substitution as a group. */
function escapeSubstitution(text: string): string {
  return text.replaceAll('\\', '\\\\')
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&')
}
