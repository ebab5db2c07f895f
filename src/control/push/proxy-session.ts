import { isIP } from 'node:net'
import { type CompileResult, everyHost, type Interest } from '../../compile/index.ts'
import type { XdsSnapshot } from '../../xds/index.ts'
import type { AdsClient } from '../../xds/server/index.ts'

/** One connected proxy and what it was given. */
export class ProxySession {
  readonly client: AdsClient
  /** Id of its workload, which is its node id. */
  readonly id: string
  /** Must be compiled whatever changes: it is new, or asked for something else. */
  stale = true
  /** The compiler failed for it (a bug); it keeps what it has until a change concerns it again. */
  broken = false
  #compiled: { readonly result: CompileResult; readonly dependsOn: ReadonlySet<string> } | undefined
  #sentRevision = -1
  #coveredRevision = -1

  constructor(client: AdsClient) {
    this.client = client
    this.id = client.node.id
  }

  /** What its next compilation is for. A copy: the stream's own set changes. */
  interest(): Interest {
    if (!this.client.delta) return { kind: 'everything' }
    return { kind: 'on-demand', authorities: new Set(this.client.authorities()) }
  }

  /** What its last compilation looked at, as keys of `changedHosts`; undefined before the first. */
  get dependsOn(): ReadonlySet<string> | undefined {
    return this.#compiled?.dependsOn
  }

  get warnings(): CompileResult['warnings'] {
    return this.#compiled?.result.warnings ?? []
  }

  /**
   * Takes a compilation and hands it to the stream.
   *
   * @returns Whether the proxy has anything new to acknowledge.
   */
  send(result: CompileResult, interest: Interest, revision: number): boolean {
    const before = this.#compiled?.result.snapshot
    const differs = before === undefined || !isSameSnapshot(before, result.snapshot)
    this.#compiled = { result, dependsOn: dependenciesOf(result, interest) }
    // An answer to a subscription goes out even when nothing differs: "there is no such host" is one.
    if (differs || this.stale) {
      const authorities = interest.kind === 'everything' ? {} : { authorities: interest.authorities }
      this.client.setSnapshot({ snapshot: result.snapshot, revision, ...authorities })
      this.#sentRevision = revision
    }
    this.stale = false
    this.broken = false
    return differs
  }

  /** Notes that all up to `revision` is in what the proxy was given, or does not concern it. */
  cover(revision: number): void {
    if (!this.stale && !this.broken) this.#coveredRevision = revision
  }

  /** Revision up to which the proxy obeys; -1 when it has acknowledged nothing yet. */
  acknowledgedRevision(): number {
    const acknowledged = this.client.state().acknowledgedRevision
    return acknowledged >= this.#sentRevision && this.#sentRevision >= 0 ? this.#coveredRevision : acknowledged
  }
}

/** The compiler's own, and the whole mesh when an address was asked for: which service owns it may change with any service. */
function dependenciesOf(result: CompileResult, interest: Interest): ReadonlySet<string> {
  if (interest.kind === 'everything' || ![...interest.authorities].some(isAddress)) return result.dependsOn
  return new Set([...result.dependsOn, everyHost])
}

function isAddress(authority: string): boolean {
  return isIP(authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0
}

function isSameSnapshot(before: XdsSnapshot, after: XdsSnapshot): boolean {
  if (before.size !== after.size) return false
  for (const [type, resources] of after) {
    const others = before.get(type)
    if (others?.size !== resources.size) return false
    for (const [name, resource] of resources) if (others.get(name)?.version !== resource.version) return false
  }
  return true
}
