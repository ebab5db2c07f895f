/**
 * The first bytes of connections go through real Envoy and through `weft proxy`, which run the same bootstrap: the same filter chain
 * must be chosen and the same bytes reach its upstream, or the case stands in `docs/envoy-differences.md`. Left out when
 * there is no `envoy` on the PATH.
 */
import { beforeAll, describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'

import { readListedDifferences } from '../../../tools/conformance/listed-differences.ts'
import { envoyBinary, startEnvoy, startWeft } from '../http/proxies.ts'
import { listeners, toBootstrap, upstreamNames } from './bootstrap.ts'
import { makeCases } from './cases.ts'
import { runCase, type TcpOutcome } from './run-case.ts'
import { SpeakingUpstream } from './speaking-upstream.ts'

const limitMs = 60_000
const skipped = envoyBinary === null
const cases = await makeCases()
const known = readListedDifferences(resolve(import.meta.dir, '../../../docs/envoy-differences.md'), 'TCP case')
let theirs: readonly TcpOutcome[] = []
let ours: readonly TcpOutcome[] = []

async function runAll(start: typeof startEnvoy): Promise<readonly TcpOutcome[]> {
  const upstreams = upstreamNames.map((name) => new SpeakingUpstream(name))
  const ports = await Promise.all(upstreams.map((upstream) => upstream.listen()))
  try {
    await using proxy = await start((admin) => toBootstrap(admin, ports), Object.keys(listeners).length)
    const outcomes: TcpOutcome[] = []
    for (const entry of cases) outcomes.push(await runCase(entry, proxy.port(entry.listener), upstreams))
    return outcomes
  } finally {
    for (const upstream of upstreams) upstream.close()
  }
}

beforeAll(async () => {
  if (!skipped) [theirs, ours] = await Promise.all([runAll(startEnvoy), runAll(startWeft)])
}, limitMs)

test('the table of differences names cases that exist, and cases have names of their own', () => {
  const names = cases.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect([...known.keys()].filter((name) => !names.includes(name))).toEqual([])
})

const reason = skipped ? ' (left out: there is no envoy on the PATH)' : ''

describe.skipIf(skipped)(`weft proxy chooses filter chains as Envoy does${reason}`, () => {
  test.each(cases.map(({ name }, index) => [name, index] as const))('%s', (name, index) => {
    const [envoy, weft] = [theirs[index], ours[index]]
    expect(weft?.served).not.toBe('silent')
    const differing = Bun.deepEquals(envoy, weft) ? '' : `${envoy?.served} becomes ${weft?.served}`
    if (differing === '' && !known.has(name)) return
    if (differing !== '' && known.get(name) === differing) return
    expect({ outcome: weft, listed: known.get(name) ?? '' }).toEqual({
      outcome: envoy ?? { served: '', received: '' },
      listed: differing,
    })
  })
})
