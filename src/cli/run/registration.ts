import type { ApiClient, WorkloadInput, WorkloadResponse } from '../../control/rest/index.ts'
import { pause } from './wait-until.ts'

/** A lease lasts 15 s; two renewals may fail before it ends. */
const renewEveryMs = 5_000

/** While the control plane does not answer, it is asked more often, so that a restart is noticed soon. */
const retryEveryMs = 1_000

/** What the control plane believes about the workload. */
export type Health = WorkloadInput['health']

/** A workload's entry at the control plane, kept alive by a lease. */
export interface Registration {
  readonly response: WorkloadResponse
  /** Says so at once; while the control plane is away, the next renewal says it. */
  readonly setHealth: (health: Health) => Promise<void>
  /** A new single-use join token. */
  readonly newToken: () => Promise<string | undefined>
  /** Ends the renewals and removes the entry; a control plane that is away lets the lease end by itself. */
  readonly remove: () => Promise<void>
}

/** How to register. */
export interface RegistrationOptions {
  readonly client: Pick<ApiClient, 'putWorkload' | 'deleteWorkload'>
  readonly id: string
  readonly request: Omit<WorkloadInput, 'health'>
  /** Told when the control plane goes away and comes back. */
  readonly onReachable: (reachable: boolean, reason: string) => void
  /** 5 s unless a test is in a hurry. */
  readonly renewMs?: number
}

/**
 * Registers a workload as `starting` and renews its lease until it is removed. A control plane that is away or restarts
 * is survived: the entry is put again when it answers.
 *
 * @throws {MeshError} If the first registration fails.
 */
export async function registerWorkload(options: RegistrationOptions): Promise<Registration> {
  const { client, id, request, onReachable, renewMs = renewEveryMs } = options
  let health: Health = 'starting'
  const response = await client.putWorkload(id, { ...request, health }, { token: true })
  const ended = new AbortController()
  let reachable = true
  const put = async (token = false) => {
    try {
      const answer = await client.putWorkload(id, { ...request, health }, { token })
      if (!reachable) onReachable(true, '')
      reachable = true
      return answer
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (reachable) onReachable(false, reason)
      reachable = false
      return undefined
    }
  }
  const renewals = (async () => {
    while (!ended.signal.aborted) {
      await pause(reachable ? renewMs : Math.min(retryEveryMs, renewMs), ended.signal)
      if (!ended.signal.aborted) await put()
    }
  })()
  return {
    response,
    setHealth: async (next) => {
      health = next
      await put()
    },
    newToken: async () => (await put(true))?.joinToken,
    remove: async () => {
      ended.abort()
      await renewals
      try {
        await client.deleteWorkload(id)
      } catch {
        // Away at the end: the lease ends within 15 s and removes the entry.
      }
    },
  }
}
