import { type Clock, MeshError } from '../../base/index.ts'
import { spiffeIdOf } from '../../identity/index.ts'
import { ConflictError, type Store } from '../../store/index.ts'
import type { WorkloadRequest } from '../rest/index.ts'
import { formatWorkloadRecord, workloadKey, type WorkloadRecord } from './workload-record.ts'

/** A registration ends this long after its last renewal. */
export const leaseMs = 15_000

/** How often leases are looked at. */
const sweepIntervalMs = 1000

/** A gap between two looks that is longer than this means that this process slept, not that all workloads did. */
const maxSweepGapMs = 5000

/** The registrations as the mesh has them. */
export interface KnownWorkloads {
  readonly workload: (id: string) => WorkloadRecord | undefined
  readonly workloads: () => readonly WorkloadRecord[]
  /** Resolves when the commit of `revision` is part of the mesh. */
  readonly reached: (revision: number) => Promise<void>
}

/** What a registration did. */
export interface Registration {
  readonly record: WorkloadRecord
  /** True when it was not registered before, or under another identity. */
  readonly isNew: boolean
}

/**
 * Registered workloads and their leases. Registrations are stored, leases are not: after a restart every known workload
 * has a whole lease again, so a control plane that comes back has its endpoints at once.
 */
export class WorkloadRegistry implements AsyncDisposable {
  readonly #store: Store
  readonly #live: KnownWorkloads
  readonly #clock: Clock
  readonly #trustDomain: string
  readonly #log: (line: string) => void
  /** Monotonic time of the last renewal. */
  readonly #renewals = new Map<string, number>()
  readonly #timer: ReturnType<typeof setInterval>
  #lastSweep: number
  #sweeping: Promise<void> = Promise.resolve()

  constructor(options: {
    readonly store: Store
    readonly live: KnownWorkloads
    readonly clock: Clock
    readonly trustDomain: string
    readonly log: (line: string) => void
  }) {
    this.#store = options.store
    this.#live = options.live
    this.#clock = options.clock
    this.#trustDomain = options.trustDomain
    this.#log = options.log
    this.#lastSweep = this.#clock.monotonic()
    for (const { id } of this.#live.workloads()) this.#renewals.set(id, this.#lastSweep)
    this.#timer = setInterval(() => void (this.#sweeping = this.#sweepSafely()), sweepIntervalMs)
  }

  /**
   * Registers a workload, changes its registration or renews its lease; resolves when the mesh has it. A renewal that
   * changes nothing writes nothing.
   */
  async register(id: string, request: WorkloadRequest): Promise<Registration> {
    const known = this.#live.workload(id)
    const record: WorkloadRecord = {
      ...request,
      id,
      spiffeId: spiffeIdOf(this.#trustDomain, request.namespace, request.serviceAccount),
      createdAt: known?.createdAt ?? new Date(this.#clock.now()).toISOString(),
    }
    this.#renewals.set(id, this.#clock.monotonic())
    const revision = await this.#store.commit([
      { kind: 'put', key: workloadKey(id), value: formatWorkloadRecord(record) },
    ])
    await this.#live.reached(revision)
    return { record, isNew: known?.spiffeId !== record.spiffeId }
  }

  /**
   * Ends a registration; answers the revision.
   *
   * @throws {MeshError} `WEFT_CONTROL_NOT_FOUND` if there is none.
   */
  async deregister(id: string): Promise<number> {
    if (this.#live.workload(id) === undefined) {
      throw new MeshError('WEFT_CONTROL_NOT_FOUND', `No workload ${id} is registered`)
    }
    const revision = await this.#store.commit([{ kind: 'delete', key: workloadKey(id) }])
    this.#renewals.delete(id)
    await this.#live.reached(revision)
    return revision
  }

  /** When the lease of a workload ends, RFC 3339. */
  leaseEndsAt(id: string): string {
    const now = this.#clock.monotonic()
    const left = (this.#renewals.get(id) ?? now) + leaseMs - now
    return new Date(this.#clock.now() + left).toISOString()
  }

  /** Removes workloads whose lease ended. Runs by itself every second. */
  async sweep(): Promise<void> {
    const now = this.#clock.monotonic()
    const slept = now - this.#lastSweep > maxSweepGapMs
    this.#lastSweep = now
    const ended: string[] = []
    for (const { id } of this.#live.workloads()) {
      const renewedAt = this.#renewals.get(id)
      if (renewedAt === undefined || slept) this.#renewals.set(id, now)
      else if (now - renewedAt >= leaseMs) ended.push(id)
    }
    for (const id of ended) await this.#expire(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#sweeping
  }

  async #expire(id: string): Promise<void> {
    const stored = await this.#store.get(workloadKey(id))
    // A renewal may have come in between.
    const renewedAt = this.#renewals.get(id) ?? 0
    if (stored === undefined || this.#clock.monotonic() - renewedAt < leaseMs) return
    try {
      await this.#store.commit([{ kind: 'delete', key: workloadKey(id), expectedRevision: stored.revision }])
      this.#renewals.delete(id)
      this.#log(`Workload ${id} was removed: its lease of ${leaseMs / 1000} s ended`)
    } catch (cause) {
      if (!(cause instanceof ConflictError)) throw cause
    }
  }

  async #sweepSafely(): Promise<void> {
    try {
      await this.sweep()
    } catch (cause) {
      this.#log(`Leases could not be swept: ${String(cause)}`)
    }
  }
}
