import { create } from '@bufbuild/protobuf'
import type { Node } from '../generated/envoy/config/core/v3/base_pb.ts'
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  type Resource,
} from '../generated/envoy/service/discovery/v3/discovery_pb.ts'
import type { Status } from '../generated/google/rpc/status_pb.ts'
import { pushOrder } from '../names.ts'
import type { AdsProtocol, ApplyUpdate, ReceivedResource, ResourceFault } from './contract.ts'
import { errorDetail } from './error-detail.ts'

interface TypeSubscription {
  readonly names: Set<string>
  /** Versions of what was accepted, by name. */
  readonly versions: Map<string, string>
  readonly toSubscribe: Set<string>
  readonly toUnsubscribe: Set<string>
  /** A request of this type was sent on the current stream. */
  opened: boolean
  readonly answers: { readonly nonce: string; readonly errorDetail: Status | undefined }[]
}

const wildcard = '*'

/** The incremental protocol (`DeltaAggregatedResources`). */
export function createDeltaProtocol(node: Node): AdsProtocol<DeltaDiscoveryRequest, DeltaDiscoveryResponse> {
  return new DeltaProtocol(node)
}

class DeltaProtocol implements AdsProtocol<DeltaDiscoveryRequest, DeltaDiscoveryResponse> {
  readonly onDemand = true
  readonly #node: Node
  readonly #types = new Map<string, TypeSubscription>(pushOrder.map((typeUrl) => [typeUrl, emptySubscription()]))
  #nodeSent = false

  constructor(node: Node) {
    this.#node = node
  }

  subscribe(typeUrl: string, names: readonly string[]): void {
    const type = this.#typeOf(typeUrl)
    for (const name of names) {
      type.names.add(name)
      type.toUnsubscribe.delete(name)
      type.toSubscribe.add(name)
    }
  }

  unsubscribe(typeUrl: string, names: readonly string[]): void {
    const type = this.#typeOf(typeUrl)
    for (const name of names) {
      if (!type.names.delete(name)) continue
      type.toSubscribe.delete(name)
      type.toUnsubscribe.add(name)
      if (!type.names.has(wildcard)) type.versions.delete(name)
    }
  }

  restore(typeUrl: string, versions: ReadonlyMap<string, string>): void {
    const type = this.#typeOf(typeUrl)
    for (const [name, version] of versions) type.versions.set(name, version)
  }

  onOpen(): void {
    this.#nodeSent = false
    for (const type of this.#types.values()) {
      type.opened = false
      type.answers.length = 0
    }
  }

  onResponse(response: DeltaDiscoveryResponse, apply: ApplyUpdate): void {
    const type = this.#typeOf(response.typeUrl)
    const faults = receive(type, response, apply)
    type.answers.push({
      nonce: response.nonce,
      errorDetail: faults.length === 0 ? undefined : errorDetail(response.typeUrl, faults),
    })
  }

  take(): DeltaDiscoveryRequest[] {
    return [...this.#types].flatMap(([typeUrl, type]) => this.#takeOf(typeUrl, type))
  }

  #takeOf(typeUrl: string, type: TypeSubscription): DeltaDiscoveryRequest[] {
    const requests = type.answers.splice(0).map(({ nonce, errorDetail: refusal }) => {
      return this.#toRequest(typeUrl, {
        responseNonce: nonce,
        ...(refusal === undefined ? {} : { errorDetail: refusal }),
      })
    })
    const change = type.opened ? changeOf(type) : openingOf(type)
    if (change !== undefined) requests.push(this.#toRequest(typeUrl, change))
    if (change !== undefined) type.opened = true
    type.toSubscribe.clear()
    type.toUnsubscribe.clear()
    return requests
  }

  #toRequest(typeUrl: string, fields: Partial<DeltaFields>): DeltaDiscoveryRequest {
    const node = this.#nodeSent ? {} : { node: this.#node }
    this.#nodeSent = true
    return create(DeltaDiscoveryRequestSchema, { typeUrl, ...node, ...fields })
  }

  #typeOf(typeUrl: string): TypeSubscription {
    let type = this.#types.get(typeUrl)
    if (type === undefined) {
      type = emptySubscription()
      this.#types.set(typeUrl, type)
    }
    return type
  }
}

function emptySubscription(): TypeSubscription {
  return {
    names: new Set(),
    versions: new Map(),
    toSubscribe: new Set(),
    toUnsubscribe: new Set(),
    opened: false,
    answers: [],
  }
}

/** The first request of a type on a stream: all names, and what is held already. */
function openingOf(type: TypeSubscription): Partial<DeltaFields> | undefined {
  if (type.names.size === 0) return undefined
  return { resourceNamesSubscribe: [...type.names], initialResourceVersions: Object.fromEntries(type.versions) }
}

function changeOf(type: TypeSubscription): Partial<DeltaFields> | undefined {
  if (type.toSubscribe.size + type.toUnsubscribe.size === 0) return undefined
  return { resourceNamesSubscribe: [...type.toSubscribe], resourceNamesUnsubscribe: [...type.toUnsubscribe] }
}

type DeltaFields = Pick<
  DeltaDiscoveryRequest,
  'resourceNamesSubscribe' | 'resourceNamesUnsubscribe' | 'initialResourceVersions' | 'responseNonce'
> & { errorDetail: Status }

function receive(
  type: TypeSubscription,
  response: DeltaDiscoveryResponse,
  apply: ApplyUpdate,
): readonly ResourceFault[] {
  const isWanted = (name: string): boolean => type.names.has(wildcard) || type.names.has(name)
  const resources: ReceivedResource[] = []
  const removed = response.removedResources.filter((name) => isWanted(name) || type.versions.has(name))
  const faults: ResourceFault[] = []
  for (const resource of response.resources) {
    const name = [resource.name, ...resource.aliases].find(isWanted)
    // The server may push what was never asked for, or what was given up a moment ago: it is of no concern.
    if (name === undefined) continue
    if (resource.resource === undefined) removed.push(name)
    else if (resource.resource.typeUrl !== response.typeUrl) faults.push(wrongType(resource, response.typeUrl))
    else resources.push({ typeUrl: response.typeUrl, name, version: resource.version, bytes: resource.resource.value })
  }
  faults.push(...apply({ typeUrl: response.typeUrl, resources, removed }))
  const refused = new Set(faults.map(({ name }) => name))
  for (const { name, version } of resources) if (!refused.has(name)) type.versions.set(name, version)
  for (const name of removed) type.versions.delete(name)
  return faults
}

function wrongType(resource: Resource, expected: string): ResourceFault {
  return { name: resource.name, message: `type_url: expected ${expected}, got ${resource.resource?.typeUrl ?? ''}` }
}
