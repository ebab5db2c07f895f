import { isIP } from 'node:net'
import type { CompileResult, Interest } from '../../compile/index.ts'
import type { Workload } from '../../model/index.ts'
import type { XdsSnapshot } from '../../xds/index.ts'
import type { AdsClient } from '../../xds/server/index.ts'
import type { MeshChange } from '../mesh/diff-mesh.ts'

/** What the last compilation for a proxy looked at; decides whether a change touches it. */
export interface Dependencies {
  readonly hosts: ReadonlySet<string>
  /** It holds things of all services (state of the world, DNS, interception), so any change of a host may matter. */
  readonly wholeMesh: boolean
}

/** One connected proxy and what it was given. */
export class ProxySession {
  readonly client: AdsClient
  /** Id of its workload, which is its node id. */
  readonly id: string
  /** Must be compiled whatever changes: it is new, or asked for something else. */
  stale = true
  #compiled: { readonly result: CompileResult; readonly dependencies: Dependencies } | undefined
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

  /** What it depends on; undefined before its first compilation. */
  get dependencies(): Dependencies | undefined {
    return this.#compiled?.dependencies
  }

  get warnings(): CompileResult['warnings'] {
    return this.#compiled?.result.warnings ?? []
  }

  /**
   * Takes a compilation and hands it to the stream.
   *
   * @returns Whether the proxy has anything new to acknowledge.
   */
  send(result: CompileResult, interest: Interest, workload: Workload, revision: number): boolean {
    const before = this.#compiled?.result.snapshot
    const differs = before === undefined || !isSameSnapshot(before, result.snapshot)
    this.#compiled = { result, dependencies: dependenciesOf(result, interest, workload) }
    // An answer to a subscription goes out even when nothing differs: "there is no such host" is one.
    if (differs || this.stale) {
      const authorities = interest.kind === 'everything' ? {} : { authorities: interest.authorities }
      this.client.setSnapshot({ snapshot: result.snapshot, revision, ...authorities })
      this.#sentRevision = revision
    }
    this.stale = false
    return differs
  }

  /** Notes that all up to `revision` is in what the proxy was given, or does not concern it. */
  cover(revision: number): void {
    this.#coveredRevision = revision
  }

  /** Revision up to which the proxy obeys; -1 when it has acknowledged nothing yet. */
  acknowledgedRevision(): number {
    const acknowledged = this.client.state().acknowledgedRevision
    return acknowledged >= this.#sentRevision && this.#sentRevision >= 0 ? this.#coveredRevision : acknowledged
  }
}

/** Whether a change may alter what a proxy holds. Proxies that never were compiled are touched by everything. */
export function isTouched(id: string, dependencies: Dependencies | undefined, change: MeshChange): boolean {
  if (change.workloads.has(id)) return true
  if (change.hosts.size === 0) return false
  if (dependencies === undefined || dependencies.wholeMesh) return true
  const [smaller, larger] =
    change.hosts.size < dependencies.hosts.size
      ? [change.hosts, dependencies.hosts]
      : [dependencies.hosts, change.hosts]
  for (const host of smaller) if (larger.has(host)) return true
  return false
}

function dependenciesOf(result: CompileResult, interest: Interest, workload: Workload): Dependencies {
  const { transparentPort, dnsPort } = workload.proxy ?? {}
  const wholeMesh =
    interest.kind === 'everything' ||
    transparentPort !== undefined ||
    dnsPort !== undefined ||
    // An address is no host: which service owns it may change with any service.
    [...interest.authorities].some((authority) => isIP(authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0)
  return { hosts: result.dependsOn, wholeMesh }
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
