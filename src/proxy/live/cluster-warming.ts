import type { ClusterConfig, EndpointsConfig } from '../config/index.ts'
import type { DataPlane } from '../data-plane.ts'

/**
 * Puts clusters to work only with their endpoints: a new EDS cluster waits for them, a changed one goes on with its old
 * configuration meanwhile, and after the warming time it goes to work without.
 */
export class ClusterWarming {
  readonly #dataPlane: () => DataPlane
  readonly #timeoutMs: number
  readonly #warming = new Map<
    string,
    { readonly config: ClusterConfig; readonly timer: ReturnType<typeof setTimeout> }
  >()
  /** EDS names whose endpoints, or whose absence, are known. */
  readonly #answered = new Set<string>()

  constructor(dataPlane: () => DataPlane, timeoutMs: number) {
    this.#dataPlane = dataPlane
    this.#timeoutMs = timeoutMs
  }

  get size(): number {
    return this.#warming.size
  }

  put(config: ClusterConfig): void {
    this.#stop(config.name)
    if (config.discovery !== 'eds' || this.#answered.has(config.edsName)) {
      this.#dataPlane().putCluster(config)
      return
    }
    const timer = setTimeout(() => this.#finish(config.name), this.#timeoutMs)
    this.#warming.set(config.name, { config, timer })
  }

  remove(name: string): void {
    this.#stop(name)
    this.#dataPlane().removeCluster(name)
  }

  putEndpoints(config: EndpointsConfig): void {
    this.#dataPlane().putEndpoints(config)
    this.answer(config.clusterName)
  }

  /** The endpoints of `edsName` are known, or known not to exist. */
  answer(edsName: string): void {
    this.#answered.add(edsName)
    for (const [name, { config }] of this.#warming) if (config.edsName === edsName) this.#finish(name)
  }

  /** Nobody needs the endpoints of `edsName` any more. */
  forget(edsName: string): void {
    this.#answered.delete(edsName)
  }

  close(): void {
    for (const name of this.#warming.keys()) this.#stop(name)
  }

  #finish(name: string): void {
    const entry = this.#warming.get(name)
    this.#stop(name)
    if (entry !== undefined) this.#dataPlane().putCluster(entry.config)
  }

  #stop(name: string): void {
    clearTimeout(this.#warming.get(name)?.timer)
    this.#warming.delete(name)
  }
}
