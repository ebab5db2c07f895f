import { type HeaderMatch, inRange } from '../../route/index.ts'
import type { RbacCondition } from './rbac-condition.ts'
import type { RbacSubject } from './contract.ts'
import { compileTextTest, type TextTest } from './text-test.ts'

type Request = NonNullable<RbacSubject['request']>

/**
 * Compiles a header rule with Envoy's meaning of absent headers. A header that came several times is tested value by value and
 * joined: with `loose` one match is enough, otherwise each single value must match, so that no reading of it is overlooked.
 *
 * @param loose A match leads to denial.
 */
export function compileHeaderCondition(match: HeaderMatch, loose: boolean): RbacCondition {
  const { name, condition, invert, missingIsEmpty } = match
  if (condition.kind === 'present') {
    const wanted = condition.present !== invert
    if (missingIsEmpty) return () => wanted
    return ({ request }) => request !== undefined && (request.header(name) !== undefined) === wanted
  }
  // Inverted, a match keeps from denial what would be denied without it.
  const wide = loose !== invert
  const test =
    condition.kind === 'string' ? compileTextTest(condition.match, wide) : inRange(condition.start, condition.end)
  const holds = name === 'host' || name === ':authority' ? authorityTest(test, wide) : valuesTest(name, test, wide)
  return ({ request }) => {
    if (request === undefined) return false
    const joined = request.header(name)
    if (joined === undefined && !missingIsEmpty) return false
    return holds(request, joined ?? '') !== invert
  }
}

function valuesTest(name: string, test: TextTest, wide: boolean): (request: Request, joined: string) => boolean {
  return (request, joined) => {
    // Only what holds a comma can be several values.
    if (name.startsWith(':') || !joined.includes(',')) return test(joined)
    const values = request.values(name)
    if (values.length < 2) return test(joined)
    return wide ? test(joined) || values.some(test) : values.every(test)
  }
}

/** Hosts are the same in any case, with a dot at the end, and to a route with any port: a rule that denies one denies all of these. */
function authorityTest(test: TextTest, wide: boolean): (request: Request, joined: string) => boolean {
  if (!wide) return (_request, authority) => test(authority)
  return (_request, authority) => {
    if (test(authority)) return true
    const lower = authority.toLowerCase()
    const host = lower.replace(/:\d*$/, '')
    const port = lower.slice(host.length)
    const bare = host.endsWith('.') ? host.slice(0, -1) : host
    return test(bare) || (port !== '' && test(bare + port))
  }
}
