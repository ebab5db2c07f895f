import {
  changedHosts,
  type CompileInput,
  type CompileResult,
  everyHost,
  isAffected,
  workloadKey,
} from '../../compile/index.ts'
import type { Mesh } from '../../model/index.ts'
import type { AdsCallbacks, AdsClient, Admission } from '../../xds/server/index.ts'
import type { LiveMesh } from '../mesh/index.ts'
import { processMetadata } from '../../xds/index.ts'
import { ProxySession } from './proxy-session.ts'
import { PushHistory } from './push-history.ts'

/** The compiler as the push engine sees it; the composition root binds the cache. */
export type Compile = (input: CompileInput) => CompileResult

/** Changes that follow each other within this time are pushed together: an apply of many files, a start of many workloads. */
const debounceMs = 3

/** Longest stretch of compiling before other work (ACKs, REST calls) gets a turn. */
const sliceMs = 15

/** Streams of one workload: its workers, and as many that drain after a restart. */
const maxProcessesPerWorkload = 256

/** Of a proxy that was not compiled for yet: any change may concern it. */
const unknownDependencies: ReadonlySet<string> = new Set([everyHost])

/**
 * From a change of the store to the proxies that it touches, and to nobody else.
 *
 *     commit -> debounce -> new mesh -> changed hosts -> proxies whose last compilation looked at one -> compile -> stream
 *     interest, new stream ------------------------------> that proxy only -----------------------------^
 */
export class PushEngine implements AsyncDisposable {
  readonly #live: LiveMesh
  readonly #compile: Compile
  readonly #log: (line: string) => void
  /** By workload, then by process: workers, and a predecessor that drains, have streams of their own. */
  readonly #sessions = new Map<string, Map<string, ProxySession>>()
  /** What proxies that are not connected now depended on, to know whom a change still has to reach. */
  readonly #absent = new Map<string, ReadonlySet<string>>()
  readonly #history = new PushHistory()
  readonly #listeners = new Set<() => void>()
  readonly #unsubscribe: () => void
  #mesh: Mesh
  #revision: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #flushing: Promise<void> | undefined
  #closed = false

  /** What the ADS server calls. */
  readonly callbacks: AdsCallbacks = {
    onConnect: (client) => this.#onConnect(client),
    onInterest: (client) => this.#onInterest(client),
    onState: () => this.#notify(),
    onDisconnect: (client) => this.#onDisconnect(client),
  }

  constructor(options: { readonly live: LiveMesh; readonly compile: Compile; readonly log: (line: string) => void }) {
    this.#live = options.live
    this.#compile = options.compile
    this.#log = options.log
    this.#mesh = this.#live.mesh()
    this.#revision = this.#live.revision
    this.#unsubscribe = this.#live.subscribe(() => this.#schedule(debounceMs))
  }

  /** Newest revision that was handed to every proxy that it concerns. */
  get revision(): number {
    return this.#revision
  }

  /** Which proxies each revision concerned. */
  get history(): PushHistory {
    return this.#history
  }

  /** True at the end: nothing that somebody waits for will happen any more. */
  get isClosed(): boolean {
    return this.#closed
  }

  /** The session of a connected workload; of several processes the one that is furthest behind. */
  session(id: string): ProxySession | undefined {
    let behind: ProxySession | undefined
    for (const session of this.#sessions.get(id)?.values() ?? []) {
      if (behind === undefined || session.acknowledgedRevision() < behind.acknowledgedRevision()) behind = session
    }
    return behind
  }

  /** All connected proxies. */
  sessions(): readonly ProxySession[] {
    return [...this.#sessions.values()].flatMap((processes) => [...processes.values()])
  }

  /** Calls `listener` when a push ended, a proxy answered, came or went; answers how to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#unsubscribe()
    clearTimeout(this.#timer)
    await this.#flushing
    this.#notify()
    this.#listeners.clear()
  }

  #onConnect(client: AdsClient): Admission {
    const { id } = client.node
    const record = this.#live.workload(id)
    if (record === undefined) return { accept: false, message: `No workload ${id} is registered` }
    if (record.spiffeId !== client.identity.spiffeId) {
      return { accept: false, message: `Workload ${id} is ${record.spiffeId}, the certificate is of another identity` }
    }
    const processes = this.#sessions.get(id) ?? new Map<string, ProxySession>()
    const known = processes.get(processOf(client))
    known?.client.close('Replaced by a newer stream of the same process')
    if (known === undefined && processes.size >= maxProcessesPerWorkload) {
      return { accept: false, message: `Workload ${id} has ${maxProcessesPerWorkload} streams already` }
    }
    processes.set(processOf(client), new ProxySession(client))
    this.#sessions.set(id, processes)
    this.#absent.delete(id)
    this.#schedule(0)
    return { accept: true }
  }

  #onInterest(client: AdsClient): void {
    const session = this.#sessionOf(client)
    if (session === undefined) return
    session.stale = true
    this.#schedule(0)
  }

  #onDisconnect(client: AdsClient): void {
    const session = this.#sessionOf(client)
    // A stream that was replaced ends later than its successor began.
    if (session === undefined) return
    const processes = this.#sessions.get(session.id)
    processes?.delete(processOf(client))
    if (processes?.size === 0) {
      this.#sessions.delete(session.id)
      if (session.dependsOn !== undefined) this.#absent.set(session.id, session.dependsOn)
    }
    this.#notify()
  }

  #sessionOf(client: AdsClient): ProxySession | undefined {
    const session = this.#sessions.get(client.node.id)?.get(processOf(client))
    return session?.client === client ? session : undefined
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }

  /** A wait of 0 runs before one that is already under way: a request is being held for it. */
  #schedule(delayMs: number): void {
    if (this.#closed || this.#flushing !== undefined) return
    if (this.#timer !== undefined) {
      if (delayMs > 0) return
      clearTimeout(this.#timer)
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#flushing = this.#flush().finally(() => {
        this.#flushing = undefined
        this.#notify()
        // What came in while this ran.
        if (this.#hasWork()) this.#schedule(this.#sessionsAreStale() ? 0 : debounceMs)
      })
    }, delayMs)
  }

  #hasWork(): boolean {
    return this.#live.revision !== this.#revision || this.#sessionsAreStale()
  }

  /** Those without a workload in the mesh wait for it, not for us. */
  #sessionsAreStale(): boolean {
    for (const session of this.sessions()) {
      if (session.stale && this.#mesh.workloads.has(session.id)) return true
    }
    return false
  }

  async #flush(): Promise<void> {
    const mesh = this.#live.mesh()
    const revision = this.#live.revision
    const change: ReadonlySet<string> = mesh === this.#mesh ? new Set() : changedHosts(this.#mesh, mesh)
    this.#mesh = mesh
    this.#closeRemoved(change)
    const affected = this.#absentButTouched(change)
    let sliceEnd = performance.now() + sliceMs
    for (const session of this.sessions()) {
      const touched = isAffected(session.dependsOn ?? unknownDependencies, change)
      if (session.stale || touched) {
        const differs = this.#push(session, mesh, revision)
        if (differs && touched) affected.add(session.id)
      }
      session.cover(revision)
      if (performance.now() > sliceEnd) {
        await new Promise((resolve) => setImmediate(resolve))
        if (this.#closed) return
        sliceEnd = performance.now() + sliceMs
      }
    }
    if (revision !== this.#revision) this.#history.record(this.#revision, revision, affected)
    this.#revision = revision
  }

  /** A compiler that fails for one proxy (a bug) must not stop the others: that proxy keeps what it has. */
  #push(session: ProxySession, mesh: Mesh, revision: number): boolean {
    const workload = mesh.workloads.get(session.id)
    if (workload === undefined) return false
    const interest = session.interest()
    try {
      return session.send(this.#compile({ mesh, workload, interest }), interest, revision)
    } catch (cause) {
      const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
      this.#log(`Configuration of ${session.id} could not be compiled: ${stack}`)
      session.stale = false
      session.broken = true
      return true
    }
  }

  /** Workloads that left: their streams end, nothing about them is kept. */
  #closeRemoved(change: ReadonlySet<string>): void {
    if (change.size === 0) return
    const isGone = (id: string): boolean => this.#live.workload(id) === undefined && change.has(workloadKey(id))
    for (const id of this.#absent.keys()) if (isGone(id)) this.#absent.delete(id)
    for (const session of this.sessions()) {
      if (isGone(session.id)) session.client.close(`Workload ${session.id} is no longer registered`)
    }
  }

  /** Ready workloads without a stream that a change concerns: they obey it only after they come back. */
  #absentButTouched(change: ReadonlySet<string>): Set<string> {
    const touched = new Set<string>()
    if (change.size === 0) return touched
    for (const { id, health } of this.#live.workloads()) {
      if (health !== 'ready' || this.#sessions.has(id)) continue
      if (isAffected(this.#absent.get(id) ?? unknownDependencies, change)) touched.add(id)
    }
    return touched
  }
}

/** Which process of the workload a stream comes from; empty for proxies that do not say, which have one stream. */
function processOf(client: AdsClient): string {
  const process: unknown = Reflect.get(client.node.metadata, processMetadata)
  return typeof process === 'string' ? process : ''
}
