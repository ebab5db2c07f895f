import { TypeUrl } from '../names.ts'
import { maxNameLength, maxSubscribedNames } from './limits.ts'

/** The name that subscribes to all resources of a type. */
const wildcardName = '*'

/** What changed by a request. */
export interface SubscriptionChange {
  /** Names that must be answered now, held or not. */
  readonly asked: ReadonlySet<string>
  /** The wildcard was newly asked for: answer even when there is nothing. */
  readonly wildcardAsked: boolean
}

/**
 * What a client asked for of one type. Rules of the xDS protocol, "How the client specifies what resources to return":
 * a first request of LDS or CDS without names means everything (legacy wildcard), until a name is given; `*` means
 * everything for any type and mixes with names.
 */
export class Subscription {
  readonly #typeUrl: string
  #started = false
  #everNamed = false
  wildcard = false
  readonly names = new Set<string>()

  constructor(typeUrl: string) {
    this.#typeUrl = typeUrl
  }

  /** A request for this type was seen on the stream. */
  get started(): boolean {
    return this.#started
  }

  has(name: string): boolean {
    return this.wildcard || this.names.has(name)
  }

  /** Incremental: `resource_names_subscribe` and `resource_names_unsubscribe`. Subscribing anew is always answered. */
  change(subscribe: readonly string[], unsubscribe: readonly string[]): SubscriptionChange {
    const first = !this.#started
    this.#started = true
    const asked = new Set<string>()
    let wildcardAsked = false
    if (first && subscribe.length === 0 && unsubscribe.length === 0 && this.#hasLegacyWildcard()) wildcardAsked = true
    for (const name of subscribe) {
      if (name === wildcardName) wildcardAsked = true
      else {
        this.names.add(name)
        asked.add(name)
      }
    }
    if (wildcardAsked) this.wildcard = true
    for (const name of unsubscribe) {
      if (name === wildcardName) {
        this.wildcard = false
        continue
      }
      // A client that still has the wildcard cannot know whether it covers the name: it must be told.
      if (this.names.delete(name) && this.wildcard) asked.add(name)
      else asked.delete(name)
    }
    return { asked, wildcardAsked }
  }

  /** State of the world: `resource_names`, the whole list; the latest request of a type supersedes earlier ones. */
  replace(names: readonly string[]): SubscriptionChange {
    this.#started = true
    const hadWildcard = this.wildcard
    const wanted = new Set(names)
    const named = wanted.delete(wildcardName)
    if (names.length > 0) this.#everNamed = true
    this.wildcard = named || (!this.#everNamed && this.#hasLegacyWildcard())
    const asked = new Set([...wanted].filter((name) => !this.names.has(name)))
    for (const name of this.names) if (!wanted.has(name)) this.names.delete(name)
    for (const name of wanted) this.names.add(name)
    return { asked, wildcardAsked: this.wildcard && !hadWildcard }
  }

  #hasLegacyWildcard(): boolean {
    return this.#typeUrl === TypeUrl.listener || this.#typeUrl === TypeUrl.cluster
  }
}

/** Checks names before they are taken in; the text says what is wrong. */
export function checkNames(held: number, names: readonly string[]): string | undefined {
  if (held + names.length > maxSubscribedNames) return `More than ${maxSubscribedNames} resource names of one type`
  const long = names.find((name) => name.length > maxNameLength)
  return long === undefined
    ? undefined
    : `Resource name of ${long.length} characters, at most ${maxNameLength} are allowed`
}
