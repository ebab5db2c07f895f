import type { Origin } from '../../resources/index.ts'
import type { XdsResource } from '../resource.ts'
import type { Rejection } from './contract.ts'
import { namedResources } from './named-resources.ts'
import { Subscription } from './subscription.ts'

/** A response to be put on the wire in the protocol's own form. */
export interface Outgoing {
  readonly typeUrl: string
  readonly nonce: string
  readonly resources: readonly XdsResource[]
  /** Asked for by name and not existing. */
  readonly absent: readonly string[]
  /** Held by the client and gone. */
  readonly removed: readonly string[]
}

/** A version that the client holds; the resource itself is unknown when it was taken over from `initial_resource_versions`. */
interface HeldResource {
  readonly version: string
  readonly resource: XdsResource | undefined
}

interface RefusedVersion {
  readonly version: string
  readonly message: string
  readonly at: number
  readonly origins: readonly Origin[]
}

/** Everything that one stream knows about one resource type. */
export class TypeState {
  readonly typeUrl: string
  readonly subscription: Subscription
  /** What the client acknowledged and still wants. */
  readonly held = new Map<string, HeldResource>()
  /** Names that must be answered though they may be held already. */
  readonly asked = new Set<string>()
  /** A wildcard was asked for and has had no answer yet. */
  answerDue = false
  /** Names that the due answer reports as removed though nobody asked for them by name. */
  emptyAnswer: readonly string[] = []
  /** The one response that waits for its acknowledgement. */
  inFlight: Outgoing | undefined
  readonly #refused = new Map<string, RefusedVersion>()
  /** A refusal that could be pinned to no resource. */
  #refusedWhole: Rejection | undefined

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl
    this.subscription = new Subscription(typeUrl)
  }

  /** Whether `resource` should be sent: it was asked for, or it differs from what the client holds and was not refused as it is. */
  wants(resource: XdsResource): boolean {
    if (this.asked.has(resource.name)) return true
    if (this.held.get(resource.name)?.version === resource.version) return false
    return this.#refused.get(resource.name)?.version !== resource.version
  }

  /** The version of `name` was refused and is still the current one. */
  isRefused(resource: XdsResource): boolean {
    return this.#refused.get(resource.name)?.version === resource.version
  }

  /** Forgets what the client no longer subscribes to. */
  dropUnsubscribed(): void {
    for (const name of this.held.keys()) if (!this.subscription.has(name)) this.held.delete(name)
    for (const name of this.#refused.keys()) if (!this.subscription.has(name)) this.#refused.delete(name)
    for (const name of this.asked) if (!this.subscription.has(name)) this.asked.delete(name)
  }

  /** Forgets refusals of versions that are no longer current: the new ones deserve a try. */
  dropOutdatedRefusals(current: ReadonlyMap<string, XdsResource>): void {
    for (const [name, refused] of this.#refused) {
      if (current.get(name)?.version !== refused.version) this.#refused.delete(name)
    }
  }

  /** Takes in an ACK or a NACK. Answers false when the nonce is not that of the response in flight: stale, nothing is counted. */
  settle(nonce: string, refusal: { readonly message: string; readonly at: number } | undefined): boolean {
    const response = this.inFlight
    if (response === undefined || response.nonce !== nonce) return false
    this.inFlight = undefined
    const bad = new Set(refusal === undefined ? [] : this.#refusedNames(response, refusal.message))
    this.#refusedWhole = undefined
    for (const resource of response.resources) {
      if (bad.has(resource.name)) continue
      this.#refused.delete(resource.name)
      if (this.subscription.has(resource.name)) {
        this.held.set(resource.name, { version: resource.version, resource })
      }
    }
    for (const name of response.removed) this.held.delete(name)
    for (const name of response.absent) this.held.delete(name)
    if (refusal !== undefined) this.#refuse(response, bad, refusal)
    return true
  }

  /** Refusals of current versions, those with one message together. */
  rejections(): Rejection[] {
    const byMessage = new Map<string, { resources: string[]; origins: Origin[]; at: number }>()
    for (const [name, refused] of this.#refused) {
      const group = byMessage.get(refused.message) ?? { resources: [], origins: [], at: refused.at }
      group.resources.push(name)
      group.origins.push(...refused.origins)
      byMessage.set(refused.message, group)
    }
    const list: Rejection[] = [...byMessage].map(([message, group]) => ({ typeUrl: this.typeUrl, message, ...group }))
    if (this.#refusedWhole !== undefined) list.push(this.#refusedWhole)
    return list
  }

  #refusedNames(response: Outgoing, message: string): string[] {
    // What the client holds in this very version cannot be what it refuses (state of the world repeats it each time).
    const changed = response.resources.filter(({ name, version }) => this.held.get(name)?.version !== version)
    const names = (changed.length === 0 ? response.resources : changed).map(({ name }) => name)
    const named = namedResources(message, names)
    return named.length === 0 ? names : named
  }

  #refuse(
    response: Outgoing,
    bad: ReadonlySet<string>,
    refusal: { readonly message: string; readonly at: number },
  ): void {
    const { message, at } = refusal
    if (bad.size === 0) {
      this.#refusedWhole = { typeUrl: this.typeUrl, resources: [], message, origins: [], at }
    }
    for (const { name, version, origins } of response.resources) {
      if (bad.has(name)) this.#refused.set(name, { version, message, at, origins })
    }
  }
}
