import type { ListenerConfig, SecretRef } from '../config/index.ts'
import type { DataPlane } from '../data-plane.ts'
import { bindRetryMs, maxBindRetryMs } from './limits.ts'

/** What a listener waits for. */
export interface ListenerNeeds {
  readonly routes: ReadonlySet<string>
  readonly secrets: ReadonlySet<string>
}

/** Route configurations and secrets that a listener takes by name. */
export function needsOf(config: ListenerConfig): ListenerNeeds {
  const routes = new Set<string>()
  const secrets = new Set<string>()
  const addSecret = (ref: SecretRef<unknown> | undefined): void => {
    if (ref?.kind === 'named') secrets.add(ref.name)
  }
  for (const chain of [...config.filterChains, config.defaultFilterChain]) {
    if (chain === undefined) continue
    addSecret(chain.tls?.certificate)
    addSecret(chain.tls?.validation)
    if (chain.network.kind === 'http' && chain.network.routes.kind === 'rds') routes.add(chain.network.routes.name)
  }
  return { routes, secrets }
}

/** What listener warming is given. */
export interface ListenerWarmingOptions {
  readonly dataPlane: () => DataPlane
  readonly timeoutMs: number
  readonly hasRoute: (name: string) => boolean
  readonly hasSecret: (name: string) => boolean
  /** Clusters whose endpoints have not been checked yet. */
  readonly warmingClusters: () => readonly string[]
  readonly onBindFailure: (name: string, message: string) => void
}

interface Entry {
  readonly config: ListenerConfig
  /** `warming`: waits for what it needs; `binding`: handed to the data plane; `failed`: will be tried again. */
  state: 'warming' | 'binding' | 'failed' | 'serving'
  timer: ReturnType<typeof setTimeout> | undefined
  failures: number
}

/**
 * Opens listeners only with their routes and secrets, so that the first connection meets no gap; after the warming time they open
 * without. A listener whose address is taken is tried again until it can be bound or is removed.
 */
export class ListenerWarming {
  readonly #options: ListenerWarmingOptions
  readonly #entries = new Map<string, Entry>()
  /** The clusters of the start have been checked: those that come later hold up nobody. */
  #clustersWarm = false

  constructor(options: ListenerWarmingOptions) {
    this.#options = options
  }

  /** Every listener serves its newest configuration. */
  get settled(): boolean {
    return [...this.#entries.values()].every(({ state }) => state === 'serving')
  }

  /** Listeners that do not serve yet, with what they wait for; for logs and `/ready`. */
  waiting(): string[] {
    return [...this.#entries.values()]
      .filter(({ state }) => state !== 'serving')
      .map(
        ({ config, state }) =>
          `${config.name} (${state}${state === 'warming' ? `: ${this.#missing(config).join(', ')}` : ''})`,
      )
  }

  put(config: ListenerConfig): void {
    this.#stop(config.name)
    const entry: Entry = { config, state: 'warming', timer: undefined, failures: 0 }
    this.#entries.set(config.name, entry)
    if (this.#missing(config).length === 0) this.#open(entry)
    else entry.timer = setTimeout(() => this.#open(entry), this.#options.timeoutMs)
  }

  remove(name: string, drainMs: number): void {
    this.#stop(name)
    this.#entries.delete(name)
    this.#options.dataPlane().removeListener(name, drainMs)
  }

  /** A route configuration or secret arrived or is known not to come, or a cluster was checked. */
  recheck(): void {
    for (const entry of this.#entries.values()) {
      if (entry.state === 'warming' && this.#missing(entry.config).length === 0) this.#open(entry)
    }
  }

  close(): void {
    for (const name of this.#entries.keys()) this.#stop(name)
    this.#entries.clear()
  }

  #missing(config: ListenerConfig): string[] {
    const { routes, secrets } = needsOf(config)
    const warming = this.#clustersWarm ? [] : this.#options.warmingClusters()
    this.#clustersWarm = warming.length === 0
    return [
      ...[...routes].filter((name) => !this.#options.hasRoute(name)).map((name) => `route configuration ${name}`),
      ...[...secrets].filter((name) => !this.#options.hasSecret(name)).map((name) => `secret ${name}`),
      ...warming.map((name) => `first health checks of cluster ${name}`),
    ]
  }

  #open(entry: Entry): void {
    clearTimeout(entry.timer)
    entry.state = 'binding'
    const { name } = entry.config
    const isCurrent = (): boolean => this.#entries.get(name) === entry
    this.#options
      .dataPlane()
      .putListener(entry.config)
      .then(
        (result) => {
          if (!isCurrent()) return
          if (result.ok) entry.state = 'serving'
          else this.#fail(entry, `${result.error.path}: ${result.error.message}`)
        },
        (cause: unknown) => {
          if (isCurrent()) this.#fail(entry, String(cause))
        },
      )
  }

  #fail(entry: Entry, message: string): void {
    entry.state = 'failed'
    this.#options.onBindFailure(entry.config.name, message)
    const pause = Math.min(bindRetryMs * 2 ** entry.failures, maxBindRetryMs)
    entry.failures = Math.min(entry.failures + 1, 16)
    entry.timer = setTimeout(() => this.#open(entry), pause)
  }

  #stop(name: string): void {
    clearTimeout(this.#entries.get(name)?.timer)
  }
}
