import { describe, expect, test } from 'bun:test'
import { testLeg, testParts, testRule, testWorkload } from '../../../../test/harness/build-test-mesh.ts'
import { buildMesh, type HttpMatch, type PathMatch, type Rewrite } from '../../../model/index.ts'
import type { PathRewritePlan, RoutePlan } from '../../plan.ts'
import { createMeshIndex, createTrace } from '../../select/index.ts'
import { noHeaderOperations } from '../headers/headers.ts'
import { rewritePolicy } from './rewrite.ts'

function rewritten(path: PathMatch, rewrite: NonNullable<Rewrite['path']>): PathRewritePlan | undefined {
  const mesh = buildMesh(testParts({}))
  const view = { mesh, workload: testWorkload('client-v1'), index: createMeshIndex(mesh), trace: createTrace() }
  const match: HttpMatch = { path, headers: [], query: [], gateways: [] }
  const rule = testRule([testLeg('reviews')], { rewrite: { path: rewrite } })
  const plan: RoutePlan = {
    name: '',
    match,
    action: { kind: 'split', legs: [] },
    pathRewrite: undefined,
    hostRewrite: undefined,
    requestHeaders: noHeaderOperations,
    responseHeaders: noHeaderOperations,
    timeoutMs: 0,
    longStreams: false,
    retry: undefined,
    fault: undefined,
    hashKeys: [],
    origin: rule.origin,
  }
  rewritePolicy.apply(plan, { view, rule, match, port: 80 })
  return plan.pathRewrite
}

/** What Envoy's regex_rewrite makes of a path: every match replaced, `\1` a group. */
function apply(plan: PathRewritePlan | undefined, path: string): string {
  if (plan?.kind !== 'regex') throw new Error('Expected a regular expression')
  const substitution = plan.substitution
    .replaceAll('$', '$$$$')
    .replaceAll(/\\([\\0-9])/g, (_all, next: string) => (next === '\\' ? '\\' : `$${next}`))
  return path.replace(new RegExp(plan.pattern), substitution)
}

const segment = (value: string): PathMatch => ({ kind: 'segment-prefix', value, ignoreCase: false })

describe('rewritePolicy', () => {
  test('drops a segment without leaving two slashes', () => {
    const plan = rewritten(segment('/v1.0'), { kind: 'prefix', value: '/' })
    expect(apply(plan, '/v1.0/a/b')).toBe('/a/b')
    expect(apply(plan, '/v1.0')).toBe('/')
  })

  test('replaces a segment prefix by another without a trailing slash', () => {
    expect(rewritten(segment('/v1'), { kind: 'prefix', value: '/v2/' })).toEqual({ kind: 'prefix', value: '/v2' })
  })

  test('leaves the text of a raw prefix as it is written', () => {
    const raw: PathMatch = { kind: 'prefix', value: '/v1/', ignoreCase: false }
    expect(rewritten(raw, { kind: 'prefix', value: '/v2/' })).toEqual({ kind: 'prefix', value: '/v2/' })
  })

  test('replaces the whole path, backslashes taken as text', () => {
    const plan = rewritten(segment('/'), { kind: 'full', value: '/a\\1' })
    expect(apply(plan, '/anything/at/all')).toBe('/a\\1')
  })
})
