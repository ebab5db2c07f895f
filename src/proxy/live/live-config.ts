import { assertNever } from '../../base/index.ts'
import { TypeUrl } from '../../xds/index.ts'
import type { ReceivedResource, ReceivedUpdate, ResourceFault } from '../../xds/client/index.ts'
import {
  type ClusterConfig,
  type DecodedResource,
  decodeResource,
  type FieldFault,
  type ListenerConfig,
  type Secret,
} from '../config/index.ts'
import type { DataPlane, OnDemand } from '../data-plane.ts'
import { ClusterWarming } from './cluster-warming.ts'
import { HeldResources } from './held-resources.ts'
import { tlsFilePollMs, warmingTimeoutMs } from './limits.ts'
import { ListenerWarming, needsOf } from './listener-warming.ts'
import { NeededNames } from './needed-names.ts'
import { OnDemandHosts } from './on-demand-hosts.ts'
import { routeOf, RouteTables } from './route-tables.ts'
import { inlineTlsFault, TlsFileWatch } from './tls-file-watch.ts'

/** The side of an ADS protocol that the configuration steers. */
export interface Subscriptions {
  /** Virtual hosts can be asked for one by one. */
  readonly onDemand: boolean
  readonly subscribe: (typeUrl: string, names: readonly string[]) => void
  readonly unsubscribe: (typeUrl: string, names: readonly string[]) => void
  readonly restore: (typeUrl: string, versions: ReadonlyMap<string, string>) => void
}

/** What a live configuration is made of. */
export interface LiveConfigOptions {
  /** Asked for late, since the data plane is made with this configuration's `onDemand`. */
  readonly dataPlane: () => DataPlane
  /** Absent: there is no control plane, everything is in the bootstrap. */
  readonly subscriptions: Subscriptions | undefined
  /** Listeners come from the control plane: the proxy is not ready before they did. */
  readonly dynamicListeners: boolean
  /** Subscriptions changed outside of `apply`: send what the protocol has to say. */
  readonly flush: () => void
  /** The held resources changed. */
  readonly onChange: () => void
  /** Reads the PEM files that TLS contexts name; throws when it cannot. */
  readonly readTlsFile: (path: string) => string
  readonly log: (text: string) => void
  /** A resource whose PEM files changed was compiled again; `fault`: it was not, and goes on with what it had. */
  readonly onTlsFiles?: (name: string, fault: string | undefined) => void
  /** Pause between two looks at PEM files, 1 s by default. */
  readonly tlsFilePollMs?: number
  /** Longest time that connections of a removed listener may go on, milliseconds. */
  readonly drainMs: number
  /** 15 s by default. */
  readonly warmingTimeoutMs?: number
}

/** Order in which resources are taken in that came all at once, from disk. */
const restoreOrder = [TypeUrl.cluster, TypeUrl.endpoints, TypeUrl.listener, TypeUrl.route, TypeUrl.virtualHost]

/** Longest text of one resource's faults in a NACK. */
const maxFaultText = 2000

/**
 * Turns received resources into what the data plane runs: decodes and compiles each by itself, refuses the bad ones (whose last
 * good version goes on serving), warms clusters and listeners, and keeps subscriptions equal to what the accepted
 * resources need.
 */
export class LiveConfig {
  readonly held = new HeldResources()
  readonly #options: LiveConfigOptions
  readonly #clusters: ClusterWarming
  readonly #listeners: ListenerWarming
  readonly #routes: RouteTables
  readonly #hosts: OnDemandHosts
  readonly #clusterConfigs = new Map<string, ClusterConfig>()
  readonly #listenerConfigs = new Map<string, ListenerConfig>()
  /** Names of secrets that the data plane has. */
  readonly #secrets = new Set<string>()
  /** Secrets that come from this process or the bootstrap and are not asked for. */
  readonly #localSecrets = new Set<string>()
  /** Asked for and known not to exist: nothing waits for them. */
  readonly #absentNames = new Set<string>()
  readonly #needed: Record<'endpoints' | 'routes' | 'secrets', NeededNames>
  readonly #files: TlsFileWatch
  #listenersAnswered = false

  constructor(options: LiveConfigOptions) {
    const { dataPlane, subscriptions, log } = options
    const timeoutMs = options.warmingTimeoutMs ?? warmingTimeoutMs
    this.#options = options
    this.#files = new TlsFileWatch({
      read: options.readTlsFile,
      onChange: (owners) => this.#reload(owners),
      pollMs: options.tlsFilePollMs ?? tlsFilePollMs,
    })
    this.#clusters = new ClusterWarming(dataPlane, timeoutMs)
    this.#routes = new RouteTables(dataPlane)
    this.#listeners = new ListenerWarming({
      dataPlane,
      timeoutMs,
      hasRoute: (name) => this.#routes.has(name) || this.#absentNames.has(`route/${name}`),
      hasSecret: (name) => this.#secrets.has(name) || this.#absentNames.has(`secret/${name}`),
      warmingClusters: () => dataPlane().warmingClusters(),
      onBindFailure: (name, message) => log(`Listener ${name} cannot be opened, will be tried again: ${message}`),
    })
    this.#hosts = new OnDemandHosts({
      isHeld: (name) => this.held.get(TypeUrl.virtualHost, name) !== undefined && this.#routes.has(routeOf(name)),
      canAsk: (route) => subscriptions?.onDemand === true && this.#routes.isOnDemand(route),
      subscribe: (name) => {
        subscriptions?.subscribe(TypeUrl.virtualHost, [name])
        options.flush()
      },
      unsubscribe: (name) => this.#giveUpHost(name),
      timeoutMs,
    })
    const neededOf = (typeUrl: string): NeededNames => {
      return new NeededNames({
        subscribe: (names) => subscriptions?.subscribe(typeUrl, names),
        unsubscribe: (names) => subscriptions?.unsubscribe(typeUrl, names),
      })
    }
    this.#needed = {
      endpoints: neededOf(TypeUrl.endpoints),
      routes: neededOf(TypeUrl.route),
      secrets: neededOf(TypeUrl.secret),
    }
  }

  get onDemand(): OnDemand {
    return this.#hosts
  }

  /** All listeners are known and serve; the proxy may take traffic. */
  isReady(): boolean {
    return (!this.#options.dynamicListeners || this.#listenersAnswered) && this.#listeners.settled
  }

  /** What keeps the proxy from being ready. */
  waiting(): readonly string[] {
    const isWaiting = this.#options.dynamicListeners && !this.#listenersAnswered
    return [...(isWaiting ? ['listeners from the control plane'] : []), ...this.#listeners.waiting()]
  }

  /** Listeners may have waited for this. */
  onClusterWarm(): void {
    this.#listeners.recheck()
  }

  /** A secret of this process or of the bootstrap. */
  putLocalSecret(secret: Secret): void {
    this.#localSecrets.add(secret.name)
    this.#putSecret(secret)
    this.#followNeeds()
  }

  /** Resources of the bootstrap. They are no part of `held`: the bootstrap is read again after a restart. */
  putStatic(resources: {
    readonly clusters: readonly ClusterConfig[]
    readonly listeners: readonly ListenerConfig[]
  }): void {
    for (const cluster of resources.clusters) this.#putCluster(cluster)
    for (const listener of resources.listeners) this.#putListener(listener)
    this.#followNeeds()
  }

  /** Takes over what was accepted before a restart; what no longer compiles is dropped and asked for anew. */
  restore(resources: readonly ReceivedResource[]): void {
    for (const typeUrl of restoreOrder) {
      const ofType = resources.filter((resource) => resource.typeUrl === typeUrl)
      if (ofType.length === 0) continue
      for (const { name, message } of this.#accept(ofType))
        this.#options.log(`${typeUrl} ${name} from disk is not used: ${message}`)
      if (typeUrl === TypeUrl.listener) this.#listenersAnswered = true
      const versions = new Map(this.held.list(typeUrl).map(({ name, version }) => [name, version]))
      this.#options.subscriptions?.restore(typeUrl, versions)
      if (typeUrl === TypeUrl.virtualHost) for (const name of versions.keys()) this.#hosts.adopt(name)
    }
    this.#followNeeds()
  }

  /** Takes one response in; answers what of it is refused. */
  apply(update: ReceivedUpdate): readonly ResourceFault[] {
    const faults = this.#accept(update.resources)
    for (const name of update.removed) this.#remove(update.typeUrl, name)
    if (update.typeUrl === TypeUrl.listener) this.#listenersAnswered = true
    this.#followNeeds()
    this.#options.onChange()
    return faults
  }

  close(): void {
    this.#clusters.close()
    this.#listeners.close()
    this.#hosts.close()
    this.#files.close()
  }

  #accept(resources: readonly ReceivedResource[]): ResourceFault[] {
    const faults: ResourceFault[] = []
    for (const resource of resources) {
      const message = this.#acceptOne(resource)
      if (message === undefined) this.held.put(resource)
      else faults.push({ name: resource.name, message })
      if (resource.typeUrl === TypeUrl.virtualHost) {
        if (message === undefined) this.#hosts.found(resource.name)
        else this.#hosts.refused(resource.name)
      }
    }
    return faults
  }

  /** Answers why the resource is refused. */
  #acceptOne(received: ReceivedResource): string | undefined {
    const files = new Set<string>()
    const decoded = decodeResource(received.typeUrl, received.bytes, { readTlsFile: this.#files.reader(files) })
    if (!decoded.ok) return faultText(decoded.error)
    // Checked only where a file may be half written: what is inline was sent as a whole, and is refused when it is used.
    const fault = files.size === 0 ? undefined : inlineTlsFault(partsOf(decoded.value))
    if (fault !== undefined) return fault
    if (decoded.value.kind !== 'virtual-host' && decoded.value.name !== received.name) {
      return `name: expected ${received.name}, as the response calls it, got ${decoded.value.name}`
    }
    const refusal = this.#put(received.name, decoded.value)
    if (refusal === undefined) this.#files.follow(ownerOf(received.typeUrl, received.name), files)
    return refusal
  }

  /** PEM files changed: what names them is compiled again from what is held; a fault leaves the last good version serving. */
  #reload(owners: ReadonlySet<string>): void {
    for (const resource of this.held.all()) {
      if (!owners.has(ownerOf(resource.typeUrl, resource.name))) continue
      this.#options.onTlsFiles?.(resource.name, this.#acceptOne(resource))
    }
  }

  #put(name: string, resource: DecodedResource): string | undefined {
    switch (resource.kind) {
      case 'cluster':
        this.#putCluster(resource.cluster)
        return undefined
      case 'endpoints':
        this.#clusters.putEndpoints(resource.endpoints)
        return undefined
      case 'listener':
        this.#putListener(resource.listener)
        return undefined
      case 'secret':
        if (this.#localSecrets.has(name)) return `name: ${name} is a secret of the proxy itself`
        this.#putSecret(resource.secret)
        return undefined
      case 'route': {
        const fault = this.#routes.putRoute(resource.table)
        if (fault === undefined) this.#listeners.recheck()
        return fault
      }
      case 'virtual-host':
        return this.#routes.putHost(name, resource.virtualHost)
      default:
        return assertNever(resource)
    }
  }

  #putCluster(config: ClusterConfig): void {
    this.#clusterConfigs.set(config.name, config)
    this.#clusters.put(config)
  }

  #putListener(config: ListenerConfig): void {
    this.#listenerConfigs.set(config.name, config)
    this.#listeners.put(config)
  }

  #putSecret(secret: Secret): void {
    this.#options.dataPlane().putSecret(secret)
    this.#secrets.add(secret.name)
    this.#listeners.recheck()
  }

  /**
   * Endpoints, routes and secrets that are gone are kept while something still names them: the last good version is
   * better than a hole, and they leave with what names them.
   */
  #remove(typeUrl: string, name: string): void {
    this.held.remove(typeUrl, name)
    this.#files.follow(ownerOf(typeUrl, name), new Set())
    switch (typeUrl) {
      case TypeUrl.cluster:
        if (this.#clusterConfigs.delete(name)) this.#clusters.remove(name)
        return
      case TypeUrl.listener:
        if (this.#listenerConfigs.delete(name)) this.#listeners.remove(name, this.#options.drainMs)
        return
      case TypeUrl.endpoints:
        this.#clusters.answer(name)
        return
      case TypeUrl.route:
        this.#absentNames.add(`route/${name}`)
        this.#listeners.recheck()
        return
      case TypeUrl.secret:
        this.#absentNames.add(`secret/${name}`)
        this.#listeners.recheck()
        return
      case TypeUrl.virtualHost:
        this.#routes.removeHost(name)
        this.#hosts.absent(name)
        return
      default:
        return
    }
  }

  #followNeeds(): void {
    const endpoints = new Set<string>()
    for (const { discovery, edsName } of this.#clusterConfigs.values()) if (discovery === 'eds') endpoints.add(edsName)
    const routes = new Set<string>()
    const secrets = new Set<string>()
    for (const config of this.#listenerConfigs.values()) {
      const needs = needsOf(config)
      for (const name of needs.routes) routes.add(name)
      for (const name of needs.secrets) if (!this.#localSecrets.has(name)) secrets.add(name)
    }
    for (const { tls, transportMatches } of this.#clusterConfigs.values()) {
      for (const config of [tls, ...transportMatches.map((match) => match.tls)]) {
        for (const ref of [config?.certificate, config?.validation]) {
          if (ref?.kind === 'named' && !this.#localSecrets.has(ref.name)) secrets.add(ref.name)
        }
      }
    }
    for (const name of this.#needed.endpoints.update(endpoints)) this.#dropEndpoints(name)
    for (const name of this.#needed.routes.update(routes)) this.#dropRoute(name)
    for (const name of this.#needed.secrets.update(secrets)) this.#absentNames.delete(`secret/${name}`)
  }

  #dropEndpoints(edsName: string): void {
    this.held.remove(TypeUrl.endpoints, edsName)
    this.#clusters.forget(edsName)
  }

  #dropRoute(route: string): void {
    this.held.remove(TypeUrl.route, route)
    this.#absentNames.delete(`route/${route}`)
    this.#routes.forget(route)
    this.#hosts.forget((name) => routeOf(name) === route)
  }

  #giveUpHost(name: string): void {
    this.#options.subscriptions?.unsubscribe(TypeUrl.virtualHost, [name])
    this.held.remove(TypeUrl.virtualHost, name)
    this.#routes.removeHost(name)
    this.#options.flush()
  }
}

function ownerOf(typeUrl: string, name: string): string {
  return `${typeUrl} ${name}`
}

function partsOf(resource: DecodedResource): Parameters<typeof inlineTlsFault>[0] {
  switch (resource.kind) {
    case 'cluster':
      return { clusters: [resource.cluster] }
    case 'listener':
      return { listeners: [resource.listener] }
    case 'secret':
      return { secrets: [resource.secret] }
    default:
      return {}
  }
}

/** `<field path>: <message>` of each fault, joined by `; `. */
function faultText(faults: readonly FieldFault[]): string {
  const text = faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
  return text.length > maxFaultText ? `${text.slice(0, maxFaultText)}...` : text
}
