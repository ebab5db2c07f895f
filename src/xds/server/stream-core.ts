/**
 * What delta and state-of-the-world streams have in common: what a client asked for, what it holds, what it refused, and
 * what may be sent next. Pure: requests and snapshots go in, responses come out, time is handed in.
 *
 *     additions  CDS -> EDS -> SDS -> LDS -> RDS -> VHDS     a type waits for the acknowledgement of those before it
 *     removals   VHDS -> RDS -> LDS -> SDS -> EDS -> CDS     only when no addition is left
 *
 * One response of a type is in flight at a time, so what waits for a slow client is bounded by its snapshot.
 */
import { httpProxyName, pushOrder, TypeUrl } from '../names.ts'
import type { XdsResource } from '../resource.ts'
import type { SnapshotUpdate, StreamState, TypeSyncState } from './contract.ts'
import { maxAuthorities, maxResponseBytes, maxTypes } from './limits.ts'
import { referencesOf } from './references.ts'
import { checkNames, type SubscriptionChange } from './subscription.ts'
import { type Outgoing, TypeState } from './type-state.ts'

/** How a protocol's responses work. */
export interface StreamRules {
  /** Prefix of nonces, unique to the stream. */
  readonly streamId: string
  /** A response holds all resources of the type, and what it omits is removed (LDS and CDS in state of the world). */
  readonly isWhole: (typeUrl: string) => boolean
  /** The protocol can say that a resource does not exist. */
  readonly tellsAbsence: boolean
}

interface Pending {
  readonly resources: readonly XdsResource[]
  readonly absent: readonly string[]
  /** Resources withheld until what they refer to was acknowledged. */
  readonly withheld: ReadonlySet<string>
  readonly due: boolean
}

const noResources: ReadonlyMap<string, XdsResource> = new Map()

/** The state of one stream without its wire form. */
export class StreamCore {
  readonly #rules: StreamRules
  readonly #types = new Map<string, TypeState>()
  #update: SnapshotUpdate | undefined
  #nonce = 0
  #acknowledgedRevision = -1
  #released = false
  #waiting = false

  constructor(rules: StreamRules) {
    this.#rules = rules
    for (const typeUrl of pushOrder) this.#types.set(typeUrl, new TypeState(typeUrl))
  }

  /** Something is ready and waits for an acknowledgement of something else; `release` lets it go. */
  get waiting(): boolean {
    return this.#waiting
  }

  /** Sends what waits, in order, without waiting any longer. Called by the owner's timer. */
  release(): void {
    this.#released = true
  }

  setSnapshot(update: SnapshotUpdate): void {
    this.#update = update
    this.#released = false
    for (const type of this.#types.values()) type.dropOutdatedRefusals(this.#current(type.typeUrl))
    this.#noteAcknowledged()
  }

  /** The state of a type; undefined when the stream names too many types. */
  type(typeUrl: string): TypeState | undefined {
    let type = this.#types.get(typeUrl)
    if (type === undefined && this.#types.size < maxTypes) {
      type = new TypeState(typeUrl)
      this.#types.set(typeUrl, type)
    }
    return type
  }

  /** Takes in a change of a subscription; the text says why it is refused. */
  subscribe(type: TypeState, names: readonly string[], change: () => SubscriptionChange): string | undefined {
    const fault = checkNames(type.subscription.names.size, names)
    if (fault !== undefined) return fault
    const { asked, wildcardAsked } = change()
    for (const name of asked) type.asked.add(name)
    if (wildcardAsked) type.answerDue = true
    type.dropUnsubscribed()
    if (type.typeUrl === TypeUrl.virtualHost && type.subscription.names.size > maxAuthorities) {
      return `More than ${maxAuthorities} virtual hosts on demand`
    }
    return undefined
  }

  /**
   * A first VHDS request that names nothing. Envoy's route configuration counts as initialised only when it was answered with
   * something: a removal under each route configuration's name, of a host that cannot be.
   */
  answerEmptyHosts(type: TypeState): void {
    type.answerDue = true
    type.emptyAnswer = [...(this.#types.get(TypeUrl.route)?.subscription.names ?? [])].map((route) => `${route}/`)
  }

  /** Takes in an ACK (no refusal) or a NACK; false: the nonce is stale. */
  settle(
    type: TypeState,
    nonce: string,
    refusal: { readonly message: string; readonly at: number } | undefined,
  ): boolean {
    const counted = type.settle(nonce, refusal)
    if (counted) {
      type.dropOutdatedRefusals(this.#current(type.typeUrl))
      this.#noteAcknowledged()
    }
    return counted
  }

  /** Authorities asked for by VHDS under the outbound proxy's route configuration, lower case. */
  authorities(): Set<string> {
    const authorities = new Set<string>()
    for (const name of this.#types.get(TypeUrl.virtualHost)?.subscription.names ?? []) {
      if (name.startsWith(`${httpProxyName}/`)) authorities.add(authorityOf(name))
    }
    return authorities
  }

  /** Responses that may leave now. */
  take(): Outgoing[] {
    if (this.#update === undefined) return []
    const outgoing: Outgoing[] = []
    this.#waiting = false
    const additionsDone = this.#takeAdditions(outgoing)
    if (!this.#released && this.#mayAskForMore() && this.#hasRemovals()) this.#waiting = true
    if (additionsDone || this.#released) this.#takeRemovals(outgoing)
    else if (this.#hasRemovals()) this.#waiting = true
    if (!this.#waiting) this.#released = false
    if (outgoing.length === 0) this.#noteAcknowledged()
    return outgoing
  }

  state(): StreamState {
    return {
      types: [...this.#types.values()].map((type) => ({
        typeUrl: type.typeUrl,
        resources: type.held.size,
        state: this.#syncState(type),
      })),
      acknowledgedRevision: this.#acknowledgedRevision,
      rejections: [...this.#types.values()].flatMap((type) => type.rejections()),
    }
  }

  /** Answers whether no addition of any type is left to send or to acknowledge. */
  #takeAdditions(outgoing: Outgoing[]): boolean {
    let clear = true
    let withheld = false
    for (const type of this.#types.values()) {
      const pending = this.#pending(type)
      if (pending.withheld.size > 0) withheld = true
      const ready = pending.due || pending.resources.length > 0 || pending.absent.length > 0
      if (ready && type.inFlight === undefined) {
        if (clear || this.#released || this.#isAwaited(type, pending)) this.#send(type, pending, outgoing)
        else this.#waiting = true
      }
      if (ready || type.inFlight !== undefined) clear = false
    }
    if (withheld) this.#waiting = true
    return clear && !withheld
  }

  /**
   * Endpoints that a cluster on its way waits for do not wait for its acknowledgement: Envoy pauses CDS, and with it the
   * acknowledgement, while a cluster is warming, and a cluster is warming until its endpoints are there.
   */
  #isAwaited(type: TypeState, pending: Pending): boolean {
    if (type.typeUrl !== TypeUrl.endpoints) return false
    const clusters = this.#types.get(TypeUrl.cluster)?.inFlight?.resources ?? []
    const awaited = new Set(clusters.map((cluster) => referencesOf(cluster).edsName))
    return pending.resources.some(({ name }) => type.asked.has(name) && awaited.has(name))
  }

  #takeRemovals(outgoing: Outgoing[]): void {
    for (const type of [...this.#types.values()].toReversed()) {
      const removed = this.#removals(type).filter((name) => this.#isRemovable(type, name))
      if (removed.length > 0 && type.inFlight === undefined) {
        if (this.#rules.isWhole(type.typeUrl)) {
          outgoing.push(this.#launch(type, this.#wholeSet(type, { withheld: new Set(), removals: true }), [], removed))
        } else if (this.#rules.tellsAbsence) outgoing.push(this.#launch(type, [], [], removed))
        else for (const name of removed) type.held.delete(name)
      }
      if (type.inFlight !== undefined && !this.#released) {
        this.#waiting ||= this.#hasRemovals()
        return
      }
    }
  }

  #send(type: TypeState, pending: Pending, outgoing: Outgoing[]): void {
    const resources = this.#rules.isWhole(type.typeUrl)
      ? this.#wholeSet(type, { withheld: pending.withheld, removals: false })
      : firstPart(pending.resources)
    const absent = this.#rules.tellsAbsence ? [...pending.absent, ...type.emptyAnswer] : []
    type.answerDue = false
    type.emptyAnswer = []
    for (const { name } of resources) type.asked.delete(name)
    for (const name of pending.absent) type.asked.delete(name)
    const silent = !this.#rules.isWhole(type.typeUrl) && !this.#rules.tellsAbsence
    if (silent && resources.length === 0 && !pending.due) return
    outgoing.push(this.#launch(type, resources, absent, []))
  }

  #launch(
    type: TypeState,
    resources: readonly XdsResource[],
    absent: readonly string[],
    removed: readonly string[],
  ): Outgoing {
    this.#nonce += 1
    const response = {
      typeUrl: type.typeUrl,
      nonce: `${this.#rules.streamId}.${this.#nonce}`,
      resources,
      absent,
      removed,
    }
    type.inFlight = response
    if (type.typeUrl === TypeUrl.cluster) this.#repeatEndpoints(resources)
    return response
  }

  /** A changed cluster warms anew in Envoy, which does not ask again for endpoints that it has subscribed to. */
  #repeatEndpoints(clusters: readonly XdsResource[]): void {
    const endpoints = this.#types.get(TypeUrl.endpoints)
    for (const cluster of clusters) {
      const { edsName } = referencesOf(cluster)
      if (edsName !== undefined && endpoints?.held.has(edsName) === true) endpoints.asked.add(edsName)
    }
  }

  #pending(type: TypeState): Pending {
    const current = this.#current(type.typeUrl)
    const resources: XdsResource[] = []
    const absent: string[] = []
    const withheld = new Set<string>()
    const consider = (resource: XdsResource): void => {
      if (!type.wants(resource)) return
      if (!this.#released && !this.#isSupported(resource)) withheld.add(resource.name)
      else resources.push(resource)
    }
    if (type.subscription.wildcard) for (const resource of current.values()) consider(resource)
    else {
      for (const name of type.subscription.names) {
        const resource = current.get(name)
        if (resource !== undefined) consider(resource)
      }
    }
    // A name that does not exist is answered once, as soon as the snapshot has the last word on it.
    for (const name of type.asked) {
      if (!current.has(name) && this.#isAnswered(type.typeUrl, name)) absent.push(name)
    }
    return { resources, absent, withheld, due: type.answerDue }
  }

  #removals(type: TypeState): string[] {
    const current = this.#current(type.typeUrl)
    return [...type.held.keys()].filter((name) => !current.has(name) && this.#isAnswered(type.typeUrl, name))
  }

  /**
   * What a client brought with it from an earlier stream stays until the snapshot accounts for all hosts that it asks for: its
   * first request names what it holds before its later ones say what that is for.
   */
  #isRemovable(type: TypeState, name: string): boolean {
    return this.#released || type.held.get(name)?.resource !== undefined || !this.#mayAskForMore()
  }

  /** A client with hosts on demand has not asked for any yet, or the snapshot is of before it did. */
  #mayAskForMore(): boolean {
    const accounted = this.#update?.authorities
    if (accounted === undefined) return false
    const hosts = this.#types.get(TypeUrl.virtualHost)
    return hosts?.subscription.started !== true || !this.authorities().isSubsetOf(accounted)
  }

  #hasRemovals(): boolean {
    return [...this.#types.values()].some((type) => this.#removals(type).length > 0)
  }

  /** All that the client should hold after a response in which omission means removal. */
  #wholeSet(
    type: TypeState,
    options: { readonly withheld: ReadonlySet<string>; readonly removals: boolean },
  ): XdsResource[] {
    const current = this.#current(type.typeUrl)
    const set = new Map<string, XdsResource>()
    for (const resource of current.values()) {
      if (!type.subscription.has(resource.name)) continue
      const refused = type.isRefused(resource) && !type.asked.has(resource.name)
      const usable = !refused && !options.withheld.has(resource.name)
      // The last good version stands in for one that was refused or must wait, since leaving it out would remove it.
      const sent = usable ? resource : type.held.get(resource.name)?.resource
      if (sent !== undefined) set.set(sent.name, sent)
    }
    if (!options.removals) {
      for (const [name, { resource }] of type.held)
        if (resource !== undefined && !set.has(name)) set.set(name, resource)
    }
    return [...set.values()]
  }

  #current(typeUrl: string): ReadonlyMap<string, XdsResource> {
    const snapshot: ReadonlyMap<string, ReadonlyMap<string, XdsResource>> | undefined = this.#update?.snapshot
    return snapshot?.get(typeUrl) ?? noResources
  }

  /** The snapshot has the last word on `name`. */
  #isAnswered(typeUrl: string, name: string): boolean {
    const authorities = this.#update?.authorities
    if (typeUrl !== TypeUrl.virtualHost || authorities === undefined) return true
    return !name.startsWith(`${httpProxyName}/`) || authorities.has(authorityOf(name))
  }

  /**
   * The clusters that `resource` sends to are held by the client, with their endpoints. Only of clients that take all
   * clusters: one that asks for clusters by name (gRPC without a proxy) learns the names from the route.
   */
  #isSupported(resource: XdsResource): boolean {
    const clusters = this.#types.get(TypeUrl.cluster)
    if (clusters === undefined || !clusters.subscription.wildcard) return true
    return referencesOf(resource).clusters.every((name) => {
      const cluster = this.#current(TypeUrl.cluster).get(name)
      if (cluster === undefined) return true
      return clusters.held.has(name) && this.#hasEndpoints(cluster)
    })
  }

  #hasEndpoints(cluster: XdsResource): boolean {
    const { edsName } = referencesOf(cluster)
    if (edsName === undefined || !this.#current(TypeUrl.endpoints).has(edsName)) return true
    return this.#types.get(TypeUrl.endpoints)?.held.has(edsName) ?? false
  }

  #syncState(type: TypeState): TypeSyncState {
    if (!type.subscription.started) return 'not-subscribed'
    if (type.rejections().length > 0) return 'rejected'
    if (this.#update === undefined || type.inFlight !== undefined) return 'sent'
    return this.#isIdle(type) ? 'synced' : 'sent'
  }

  #isIdle(type: TypeState): boolean {
    if (type.inFlight !== undefined) return false
    const { resources, absent, withheld, due } = this.#pending(type)
    return resources.length + absent.length + withheld.size === 0 && !due && this.#removals(type).length === 0
  }

  #noteAcknowledged(): void {
    const update = this.#update
    if (update === undefined || update.revision <= this.#acknowledgedRevision) return
    if (this.#isSettled()) this.#acknowledgedRevision = update.revision
  }

  /** Nothing is left to send, to acknowledge or to be asked for by what the client already holds. */
  #isSettled(): boolean {
    const listeners = this.#types.get(TypeUrl.listener)
    if (listeners === undefined || !listeners.subscription.started) return false
    for (const type of this.#types.values()) {
      if (type.rejections().length > 0 || !this.#isIdle(type)) return false
    }
    if (this.#types.get(TypeUrl.cluster)?.subscription.wildcard === true) {
      for (const cluster of this.#current(TypeUrl.cluster).values()) if (!this.#hasEndpoints(cluster)) return false
    }
    return [...listeners.held.values()].every(({ resource }) => resource === undefined || this.#hasRoutes(resource))
  }

  #hasRoutes(listener: XdsResource): boolean {
    const held = this.#types.get(TypeUrl.route)?.held
    return referencesOf(listener).routes.every((name) => {
      return !this.#current(TypeUrl.route).has(name) || held?.has(name) === true
    })
  }
}

function authorityOf(name: string): string {
  return name.slice(httpProxyName.length + 1).toLowerCase()
}

/** As many resources as fit one response, at least one; the rest follows after the acknowledgement. */
function firstPart(resources: readonly XdsResource[]): readonly XdsResource[] {
  let bytes = 0
  for (const [index, resource] of resources.entries()) {
    bytes += resource.bytes.length
    if (index > 0 && bytes > maxResponseBytes) return resources.slice(0, index)
  }
  return resources
}
