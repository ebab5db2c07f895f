/** Steady load on a mesh, and what its clients saw. */

/** What one request came to: its status, or 0 and the reason when there was no answer. */
export interface LoadResult {
  readonly status: number
  /** Body of an answer that is not 200, or the error's text. */
  readonly reason: string
  /** `performance.now()` when it was sent and when its answer was there. */
  readonly sentAt: number
  readonly endedAt: number
}

/** Load that runs until it is stopped. */
export interface Load {
  /** Requests that have ended so far. */
  readonly results: readonly LoadResult[]
  /** Ends it; resolves when the last request has its answer. */
  readonly stop: () => Promise<readonly LoadResult[]>
}

async function once(send: () => Promise<Response>): Promise<LoadResult> {
  const sentAt = performance.now()
  try {
    const response = await send()
    const body = await response.text()
    const reason = response.status === 200 ? '' : body.slice(0, 200)
    return { status: response.status, reason, sentAt, endedAt: performance.now() }
  } catch (error) {
    return { status: 0, reason: String(error), sentAt, endedAt: performance.now() }
  }
}

/** Sends requests, `concurrency` at a time, each of them as soon as the one before has its answer. */
export function startLoad(send: () => Promise<Response>, concurrency = 4): Load {
  const results: LoadResult[] = []
  const state = { stopped: false }
  const worker = async () => {
    while (!state.stopped) {
      results.push(await once(send))
      // A client that is refused at once must not starve the processes it waits for.
      if (results.at(-1)?.status === 0) await Bun.sleep(10)
    }
  }
  const workers = Array.from({ length: concurrency }, worker)
  return {
    results,
    stop: async () => {
      state.stopped = true
      await Promise.all(workers)
      return results
    },
  }
}

/** The failures among results, for a message: `status reason` and how often. */
export function failures(results: readonly LoadResult[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { status, reason } of results) {
    if (status === 200) continue
    const key = `${status} ${reason}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

/** From the first failed request to the last one's end, in milliseconds; 0 without failures. */
export function outageMs(results: readonly LoadResult[]): number {
  const failed = results.filter(({ status }) => status !== 200)
  if (failed.length === 0) return 0
  return Math.max(...failed.map(({ endedAt }) => endedAt)) - Math.min(...failed.map(({ sentAt }) => sentAt))
}
