import { manifests } from '../../../examples/bookinfo/index.ts'
import { CliError } from '../cli-error.ts'
import { renderTable } from '../output/table.ts'
import type { Palette } from '../output/terminal.ts'
import type { DemoMesh } from './demo-mesh.ts'
import { edgeDifference, type EdgeTable } from './edge-counts.ts'
import { percent } from './edge-view.ts'

/** Requests that are sent; each causes one call to reviews, so that shares are measured over all of them. */
const requestCount = 1_000

/** In flight at once. */
const concurrency = 16

/** The proxy's draws for splits are stratified; with independent ones the standard deviation at 80% would be 1.3 points. */
const tolerancePoints = 4

const enforcementTimeoutMs = 20_000
const requestTimeoutMs = 20_000

/** What the client saw of one request. */
export interface Observation {
  readonly kind: 'reviews' | 'page'
  readonly user: 'jason' | 'mary' | ''
  /** 0: no answer. */
  readonly status: number
  /** Version of reviews that answered. */
  readonly version: string
  /** Whether the stars were there, missing because ratings failed, or not asked for. */
  readonly ratings: 'stars' | 'failed' | 'none'
  readonly error: string
}

/** A line of the result. */
export interface Verdict {
  readonly edge: string
  readonly version: string
  readonly requests: number
  readonly share: string
  readonly expected: string
  readonly success: string
  readonly ok: boolean
}

/** What happened, and why it failed if it did. */
export interface OnceOutcome {
  readonly verdicts: readonly Verdict[]
  readonly faults: readonly string[]
}

/** The plan: eight of ten requests go to reviews directly, two to the page; a fifth each as jason and mary. */
function planned(index: number): Pick<Observation, 'kind' | 'user'> {
  const user = index % 5 === 0 ? 'jason' : index % 5 === 1 ? 'mary' : ''
  return { kind: index % 10 < 2 ? 'page' : 'reviews', user }
}

const urls = {
  reviews: 'http://reviews:9080/reviews/0',
  page: 'http://productpage:9080/api/v1/products/0/reviews',
} as const

function ratingsIn(text: string): Observation['ratings'] {
  if (text.includes('"stars"')) return 'stars'
  return text.includes('"rating"') ? 'failed' : 'none'
}

async function observe(index: number, proxy: string): Promise<Observation> {
  const plan = planned(index)
  try {
    const response = await fetch(urls[plan.kind], {
      proxy,
      headers: plan.user === '' ? {} : { 'end-user': plan.user },
      signal: AbortSignal.timeout(requestTimeoutMs),
    })
    const text = await response.text()
    const version = /"version":"(v\d)"/.exec(text)?.[1] ?? '-'
    const error = response.status === 200 ? '' : text.slice(0, 120)
    return { ...plan, status: response.status, version, ratings: ratingsIn(text), error }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { ...plan, status: 0, version: '-', ratings: 'none', error: reason }
  }
}

async function sendAll(proxy: string, signal: AbortSignal): Promise<readonly Observation[]> {
  const seen: Observation[] = []
  let next = 0
  const visitor = async () => {
    while (next < requestCount && !signal.aborted) seen.push(await observe(next++, proxy))
  }
  await Promise.all(Array.from({ length: concurrency }, visitor))
  return seen
}

function shareVerdict(version: string, expected: number, seen: readonly Observation[]): Verdict {
  const matching = seen.filter((observation) => observation.version === version)
  const share = (100 * matching.length) / Math.max(1, seen.length)
  return {
    edge: 'all -> reviews',
    version,
    requests: matching.length,
    share: `${share.toFixed(1)}%`,
    expected: `${expected}% +-${tolerancePoints}`,
    success: percent(matching.filter(({ status }) => status === 200).length, matching.length),
    ok: Math.abs(share - expected) <= tolerancePoints && matching.every(({ status }) => status === 200),
  }
}

/** Requests that reached ratings, by whether they came from jason; all of his and none of the others' must fail. */
function ratingsVerdict(who: 'jason' | 'others', seen: readonly Observation[]): Verdict {
  const asked = seen.filter(({ version, user }) => version === 'v3' && (user === 'jason') === (who === 'jason'))
  const good = asked.filter(({ ratings }) => ratings === 'stars').length
  return {
    edge: `reviews -> ratings (${who === 'jason' ? 'end-user jason' : 'everybody else'})`,
    version: who === 'jason' ? 'abort 500' : 'v1',
    requests: asked.length,
    share: percent(asked.length, seen.filter(({ version }) => version === 'v3').length),
    expected: who === 'jason' ? 'all aborted' : 'all succeed',
    success: percent(good, asked.length),
    ok: asked.length > 0 && (who === 'jason' ? good === 0 : good === asked.length),
  }
}

/** Edges as the proxies counted them; those to reviews must add up to what the client saw. */
function metricVerdicts(edges: EdgeTable): readonly Verdict[] {
  const all = [...edges.values()].filter(({ requests }) => requests > 0)
  const pairTotal = (source: string, destination: string) =>
    all
      .filter((edge) => edge.source === source && edge.destination === destination)
      .reduce((sum, { requests }) => sum + requests, 0)
  return all
    .toSorted((a, b) =>
      `${a.source} ${a.destination} ${a.version}` < `${b.source} ${b.destination} ${b.version}` ? -1 : 1,
    )
    .map(({ source, destination, version, requests, good }) => ({
      edge: `${source} -> ${destination}`,
      version,
      requests,
      share: percent(requests, pairTotal(source, destination)),
      expected: '',
      success: percent(good, requests),
      ok: true,
    }))
}

/** Judges what the client saw and what the proxies counted. Pure. */
export function judge(seen: readonly Observation[], edges: EdgeTable): OnceOutcome {
  const checked = [
    shareVerdict('v1', 80, seen),
    shareVerdict('v3', 20, seen),
    ratingsVerdict('jason', seen),
    ratingsVerdict('others', seen),
  ]
  const faults = checked
    .filter(({ ok }) => !ok)
    .map(
      ({ edge, version, requests, share, expected, success }) =>
        `${edge} ${version}: expected ${expected}, got ${requests} requests, share ${share}, success ${success}`,
    )
  const failed = seen.filter(({ status }) => status !== 200)
  const [first] = failed
  if (first !== undefined)
    faults.push(
      `${failed.length} of ${seen.length} requests failed, first: ${first.kind} status ${first.status} ${first.error}`,
    )
  const strays = seen.filter(({ status, version }) => status === 200 && version !== 'v1' && version !== 'v3')
  if (strays.length > 0)
    faults.push(`${strays.length} requests were answered by ${strays[0]?.version}, which has no share`)
  if (seen.length !== requestCount) faults.push(`Expected ${requestCount} requests to be sent, sent ${seen.length}`)
  const counted = [...edges.values()]
    .filter(({ destination }) => destination === 'reviews')
    .reduce((sum, { requests }) => sum + requests, 0)
  if (counted !== seen.length)
    faults.push(`The proxies counted ${counted} calls to reviews, the client caused ${seen.length}`)
  return { verdicts: [...checked, ...metricVerdicts(edges)], faults }
}

/**
 * Applies an 80/20 split of reviews and an abort of ratings for one user, waits until it is enforced, sends 1,000 requests
 * through the visitor's proxy and judges what happened.
 *
 * @throws {CliError} `WEFT_DEMO_ENFORCEMENT` if proxies do not acknowledge in time.
 */
export async function runOnce(
  mesh: DemoMesh,
  onProgress: (text: string) => void,
  signal: AbortSignal,
): Promise<OnceOutcome> {
  const record = mesh.records.get('traffic-v1')
  if (record === undefined)
    throw new CliError('WEFT_DEMO_START', 'The visitor of the demo is not there', 'Start the demo again')
  const proxy = `http://127.0.0.1:${record.httpProxyPort}`
  // One request down each path, so that every proxy has asked for what it talks to before the change is made.
  for (const index of [0, 2]) await observe(index, proxy)
  const files = (['reviews-80-20', 'ratings-abort'] as const).map((name) => ({
    path: `${mesh.examplesDir}/${name}.yaml`,
    text: manifests[name],
  }))
  const { revision } = await mesh.client.apply({ files })
  const { affected, enforced, pending } = await mesh.client.enforcement(revision, enforcementTimeoutMs)
  if (enforced < affected)
    throw new CliError(
      'WEFT_DEMO_ENFORCEMENT',
      `Enforced on ${enforced} of ${affected} proxies, missing: ${pending.map(({ id, reason }) => `${id} (${reason})`).join(', ')}`,
      'Look into `weft status` of a running demo',
    )
  onProgress(`split 80/20 and abort for jason enforced on ${enforced} of ${affected} proxies`)
  const before = await mesh.scrape()
  onProgress(`sending ${requestCount} requests`)
  const seen = await sendAll(proxy, signal)
  return judge(seen, edgeDifference(before, await mesh.scrape()))
}

/** The table of what happened, and under it why it failed if it did. */
export function renderOutcome({ verdicts, faults }: OnceOutcome, color: Palette): string {
  const table = renderTable(
    [
      { heading: 'EDGE' },
      { heading: 'VERSION' },
      { heading: 'REQUESTS', align: 'right' },
      { heading: 'SHARE', align: 'right' },
      { heading: 'EXPECTED' },
      { heading: 'SUCCESS', align: 'right' },
      { heading: 'OK' },
    ],
    verdicts.map(({ edge, version, requests, share, expected, success, ok }) => [
      edge,
      version,
      String(requests),
      share,
      expected,
      success,
      expected === '' ? '' : ok ? color.good('yes') : color.bad('NO'),
    ]),
  )
  return `${table}\n${faults.length === 0 ? color.good('Everything as configured\n') : faults.map((fault) => `${color.bad('failed')}: ${fault}\n`).join('')}`
}
