import { waitUntil } from './wait-until.ts'

/** Peers that acknowledged send nothing new; what they sent just before arrives within this time, also on a busy machine. */
const quietMs = 250

/** A peer that goes on sending all the same must not keep the application from ending. */
const limitMs = 2_000

const probeTimeoutMs = 1_000

/** Requests and connections that a proxy has passed on to its application, from the text of `/clusters` (Envoy's form). Pure. */
export function countInbound(clusters: string): number {
  let total = 0
  for (const [, count] of clusters.matchAll(/^inbound\|.*::rq_total::(\d+)$/gm)) total += Number(count)
  return total
}

async function readInbound(adminPort: number): Promise<number | undefined> {
  try {
    const signal = AbortSignal.timeout(probeTimeoutMs)
    const response = await fetch(`http://127.0.0.1:${adminPort}/clusters`, { signal, proxy: '' })
    return countInbound(await response.text())
  } catch {
    return undefined // No proxy, no traffic.
  }
}

/**
 * Resolves when nothing new has come in by the proxy for a quarter of a second, at the latest after 2 s. For after the peers
 * acknowledged that they are to send no more: their last requests are still on their way then.
 */
export async function untilInboundQuiet(adminPort: number): Promise<void> {
  let seen = await readInbound(adminPort)
  let since = performance.now()
  await waitUntil(
    async () => {
      const now = await readInbound(adminPort)
      if (now !== seen) since = performance.now()
      seen = now
      return now === undefined || performance.now() - since >= quietMs
    },
    { timeoutMs: limitMs },
  )
}
