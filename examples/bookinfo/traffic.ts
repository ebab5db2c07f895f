import { type Application, json } from './application.ts'
import { peerUrl } from './peer.ts'

/** One kind of request of the steady traffic. */
interface Visit {
  readonly url: string
  readonly user?: string
}

/** What a visitor does, in turn: mostly the page, sometimes as a user, sometimes the services behind it directly. */
function itinerary(): readonly Visit[] {
  const page = `${peerUrl('productpage')}/productpage`
  const reviews = `${peerUrl('reviews')}/reviews/0`
  return [
    { url: page },
    { url: reviews },
    { url: page },
    { url: page, user: 'jason' },
    { url: reviews },
    { url: page },
    { url: `${peerUrl('productpage')}/api/v1/products/0/ratings` },
    { url: reviews },
    { url: page, user: 'mary' },
    { url: reviews },
  ]
}

/** Requests in flight at once; beyond it a beat is skipped, so that a slow mesh is not buried. */
const inFlightLimit = 32

/** Waits, as long as it takes, until the shop is open: its page comes whole. */
async function untilOpen(url: string): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
      if (response.ok && !(await response.text()).includes('unavailable')) return
    } catch {
      // Not open yet.
    }
    await Bun.sleep(250)
  }
}

/** The visitor of the demo: sends steady traffic (`TRAFFIC_RPS`, 20 by default) for as long as it runs; `/counts` tells how it went. */
export function traffic(version: string): Application {
  const rps = Number(process.env['TRAFFIC_RPS'] ?? '20')
  const visits = itinerary()
  const counts = { sent: 0, good: 0, bad: 0, skipped: 0 }
  let inFlight = 0
  const visit = async ({ url, user }: Visit) => {
    inFlight += 1
    counts.sent += 1
    try {
      const response = await fetch(url, {
        headers: user === undefined ? {} : { 'end-user': user },
        signal: AbortSignal.timeout(15_000),
      })
      await response.arrayBuffer()
      counts[response.ok ? 'good' : 'bad'] += 1
    } catch {
      // A visitor that got no answer goes on visiting; the count is what shows it.
      counts.bad += 1
    } finally {
      inFlight -= 1
    }
  }
  let turn = 0
  const beat = () => {
    const next = visits[turn++ % visits.length]
    if (next === undefined || inFlight >= inFlightLimit) counts.skipped += 1
    else void visit(next)
  }
  if (rps > 0) void untilOpen(visits[0]?.url ?? '').then(() => setInterval(beat, 1000 / rps))
  return { service: 'traffic', version, routes: { '/counts': () => json(counts) } }
}
