import type { LiveMesh } from '../mesh/index.ts'
import type { Enforcement } from '../rest/index.ts'
import type { PushEngine } from './push-engine.ts'

/** Why a proxy does not obey a revision yet. `final`: waiting longer cannot help. */
interface Pending {
  readonly id: string
  readonly reason: string
  readonly final: boolean
}

/**
 * Waits until every proxy that `revision` concerned has acknowledged it, at most `timeoutMs`, or until all others have
 * refused it. Workloads that leave in the meantime no longer count.
 */
export async function waitForEnforcement(
  engine: PushEngine,
  live: LiveMesh,
  wanted: { readonly revision: number; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Enforcement> {
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  const timer = setTimeout(end, wanted.timeoutMs)
  wanted.signal.addEventListener('abort', () => end(), { once: true })
  let ended = wanted.signal.aborted || wanted.timeoutMs === 0
  void over.then(() => {
    ended = true
  })
  let wake: () => void = () => undefined
  const stop = engine.subscribe(() => wake())
  try {
    for (;;) {
      const { answer, settled } = evaluate(engine, live, wanted.revision)
      if (settled || ended || engine.isClosed) return answer
      const { promise: changed, resolve } = Promise.withResolvers<void>()
      wake = resolve
      await Promise.race([changed, over])
    }
  } finally {
    clearTimeout(timer)
    stop()
  }
}

function evaluate(
  engine: PushEngine,
  live: LiveMesh,
  revision: number,
): { readonly answer: Enforcement; readonly settled: boolean } {
  const pushed = engine.revision >= revision
  const affected = pushed ? engine.history.affected(revision) : undefined
  const ids = affected ?? new Set(live.workloads().map(({ id }) => id))
  const pending: Pending[] = []
  let enforced = 0
  for (const id of [...ids].sort()) {
    const workload = live.workload(id)
    if (workload === undefined) continue
    const session = engine.session(id)
    if (session === undefined && affected === undefined && workload.health !== 'ready') continue
    const why = pushed ? whyPending(engine, id, revision) : { reason: 'not sent yet', final: false }
    if (why === undefined) enforced += 1
    else pending.push({ id, ...why })
  }
  const answer = {
    revision,
    affected: enforced + pending.length,
    enforced,
    pending: pending.map(({ id, reason }) => ({ id, reason })),
  }
  return { answer, settled: pushed && pending.every(({ final }) => final) }
}

function whyPending(engine: PushEngine, id: string, revision: number): Omit<Pending, 'id'> | undefined {
  const session = engine.session(id)
  if (session === undefined) return { reason: 'not connected', final: false }
  if (session.acknowledgedRevision() >= revision) return undefined
  if (session.broken) return { reason: 'not compiled: internal error, see the log of the control plane', final: true }
  const [rejection] = session.client.state().rejections
  if (rejection !== undefined) return { reason: `rejected: ${rejection.message}`, final: true }
  return { reason: 'sent, not acknowledged', final: false }
}
