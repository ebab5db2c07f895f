import { checkResources, joinParts, translateResource, type TranslatedParts } from '../../dialects/index.ts'
import { buildMesh, type Mesh, type MeshSettings, type Service, type Workload } from '../../model/index.ts'
import { renderDiagnostic, type Resource } from '../../resources/index.ts'
import { type Change, CompactedError, type Store, type StoredObject } from '../../store/index.ts'
import { objectKey, objectPrefix, type ObjectRecord, parseObjectRecord, toResource } from '../objects/index.ts'
import {
  impliedServices,
  parseWorkloadRecord,
  toWorkload,
  type WorkloadRecord,
  workloadPrefix,
} from '../workloads/index.ts'

interface LiveObject {
  readonly record: ObjectRecord
  readonly parts: TranslatedParts
}

interface LiveWorkload {
  readonly record: WorkloadRecord
  readonly workload: Workload
}

/**
 * The mesh model that follows the store: lists once, watches from there, translates each object once for each time it is
 * written, and builds a mesh on demand. Everything that reads configuration reads it here, so all parts of the control
 * plane agree on what a revision means.
 */
export class LiveMesh implements AsyncDisposable {
  readonly #store: Store
  readonly #settings: MeshSettings
  readonly #log: (line: string) => void
  readonly #abort = new AbortController()
  readonly #objects = new Map<string, LiveObject>()
  readonly #workloads = new Map<string, LiveWorkload>()
  readonly #listeners = new Set<() => void>()
  #implied = new Map<string, Service>()
  #mesh: Mesh | undefined
  #revision = 0
  #following = false
  #watching: Promise<void> = Promise.resolve()

  constructor(options: {
    readonly store: Store
    readonly settings: MeshSettings
    readonly log: (line: string) => void
  }) {
    this.#store = options.store
    this.#settings = options.settings
    this.#log = options.log
  }

  /** Reads the store and begins to follow it; resolves when the first mesh is there. */
  async start(): Promise<void> {
    await this.#load()
    this.#following = true
    this.#watching = this.#follow().finally(() => {
      this.#following = false
    })
  }

  /** Newest revision that is part of the mesh. */
  get revision(): number {
    return this.#revision
  }

  /** False once it stopped following the store, for an error that was logged or at the end. */
  get isFollowing(): boolean {
    return this.#following
  }

  /** The mesh at `revision`; the same object for as long as nothing in it changes. */
  mesh(): Mesh {
    this.#mesh ??= this.#build()
    return this.#mesh
  }

  /** A registered workload by its id. */
  workload(id: string): WorkloadRecord | undefined {
    return this.#workloads.get(workloadPrefix + id)?.record
  }

  /** All registered workloads. */
  workloads(): readonly WorkloadRecord[] {
    return [...this.#workloads.values()].map((live) => live.record)
  }

  /** All users' objects. */
  objects(): readonly ObjectRecord[] {
    return [...this.#objects.values()].map((live) => live.record)
  }

  /** Calls `listener` after each commit that was taken in; answers how to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolves when the commit of `revision` is part of the mesh, or at the end. */
  async reached(revision: number): Promise<void> {
    while (this.#revision < revision && !this.#abort.signal.aborted) {
      await new Promise<void>((resolve) => {
        const stop = this.subscribe(() => {
          stop()
          resolve()
        })
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#watching
    this.#notify()
    this.#listeners.clear()
  }

  async #load(): Promise<void> {
    const { objects, revision } = await this.#store.list('')
    this.#objects.clear()
    this.#workloads.clear()
    for (const object of objects) this.#put(object)
    this.#mesh = undefined
    this.#revision = revision
  }

  async #follow(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        for await (const changes of this.#store.watch('', this.#revision, this.#abort.signal)) this.#take(changes)
        return
      } catch (cause) {
        // Too far behind the kept history: start over from a list. Anything else would repeat, so it is shown and ends.
        if (!(cause instanceof CompactedError)) {
          this.#log(`Control plane stops following its store: ${String(cause)}`)
          return
        }
        await this.#load()
        this.#notify()
      }
    }
  }

  #take(changes: readonly Change[]): void {
    for (const change of changes) {
      this.#revision = change.revision
      if (change.kind === 'put') this.#put(change.object)
      else if (this.#objects.delete(change.key) || this.#workloads.delete(change.key)) this.#mesh = undefined
    }
    this.#notify()
  }

  #notify(): void {
    // A listener may leave while it is called; a Set allows that.
    for (const listener of this.#listeners) listener()
  }

  #put(object: StoredObject): void {
    if (object.key.startsWith(objectPrefix)) {
      this.#mesh = undefined
      const live = this.#translate(object)
      if (live === undefined) this.#objects.delete(object.key)
      else this.#objects.set(object.key, live)
    } else if (object.key.startsWith(workloadPrefix)) {
      this.#mesh = undefined
      const record = parseWorkloadRecord(object.value)
      if (record === undefined) this.#log(`Ignored ${object.key}: written by another version or damaged`)
      else this.#workloads.set(object.key, { record, workload: toWorkload(record) })
    }
  }

  #translate(object: StoredObject): LiveObject | undefined {
    const record = parseObjectRecord(object.value)
    const resource = record === undefined ? undefined : toResource(record)
    if (record === undefined || resource === undefined) {
      this.#log(`Ignored ${object.key}: written by another version or damaged; apply it again`)
      return undefined
    }
    const parts = translateResource(resource, { settings: this.#settings, createdAt: record.createdAt })
    if (Object.keys(parts).length === 0) this.#reportUnserved(resource)
    // The text is read from the store when somebody asks for it.
    return { record: { ...record, text: '' }, parts }
  }

  /** An object that another version accepted and this one does not is left out of the mesh, which nobody must have to guess. */
  #reportUnserved(resource: Resource): void {
    for (const fault of checkResources([resource])) {
      if (fault.severity === 'error') this.#log(`Stored object is not served: ${renderDiagnostic(fault)}`)
    }
  }

  #build(): Mesh {
    const { services, workloads, ...others } = joinParts(
      this.#settings,
      [...this.#objects.values()].map((live) => live.parts),
    )
    const isDefined = (namespace: string, name: string): boolean =>
      this.#objects.has(objectKey({ group: '', kind: 'Service', namespace, name }))
    const implied = new Map<string, Service>()
    for (const service of impliedServices(this.workloads(), this.#settings.serviceDomain, isDefined)) {
      const known = this.#implied.get(service.host)
      implied.set(service.host, known !== undefined && Bun.deepEquals(known, service, true) ? known : service)
    }
    this.#implied = implied
    return buildMesh({
      ...others,
      services: [...services, ...implied.values()],
      workloads: [...workloads, ...[...this.#workloads.values()].map((live) => live.workload)],
    })
  }
}
