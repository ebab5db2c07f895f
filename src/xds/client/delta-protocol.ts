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
  const types = new Map<string, TypeSubscription>()
  let nodeSent = false

  function typeOf(typeUrl: string): TypeSubscription {
    let type = types.get(typeUrl)
    if (type === undefined) {
      type = {
        names: new Set(),
        versions: new Map(),
        toSubscribe: new Set(),
        toUnsubscribe: new Set(),
        opened: false,
        answers: [],
      }
      types.set(typeUrl, type)
    }
    return type
  }

  function toRequest(typeUrl: string, fields: Partial<DeltaFields>): DeltaDiscoveryRequest {
    const first = !nodeSent
    nodeSent = true
    return create(DeltaDiscoveryRequestSchema, { typeUrl, ...(first ? { node } : {}), ...fields })
  }

  function takeOf(typeUrl: string, type: TypeSubscription): DeltaDiscoveryRequest[] {
    const requests = type.answers.splice(0).map(({ nonce, errorDetail: refusal }) => {
      return toRequest(typeUrl, { responseNonce: nonce, ...(refusal === undefined ? {} : { errorDetail: refusal }) })
    })
    if (!type.opened) {
      if (type.names.size === 0) return requests
      type.opened = true
      requests.push(
        toRequest(typeUrl, {
          resourceNamesSubscribe: [...type.names],
          initialResourceVersions: Object.fromEntries(type.versions),
        }),
      )
    } else if (type.toSubscribe.size + type.toUnsubscribe.size > 0) {
      requests.push(
        toRequest(typeUrl, {
          resourceNamesSubscribe: [...type.toSubscribe],
          resourceNamesUnsubscribe: [...type.toUnsubscribe],
        }),
      )
    }
    type.toSubscribe.clear()
    type.toUnsubscribe.clear()
    return requests
  }

  return {
    onDemand: true,
    subscribe: (typeUrl, names) => {
      const type = typeOf(typeUrl)
      for (const name of names) {
        type.names.add(name)
        type.toUnsubscribe.delete(name)
        type.toSubscribe.add(name)
      }
    },
    unsubscribe: (typeUrl, names) => {
      const type = typeOf(typeUrl)
      for (const name of names) {
        if (!type.names.delete(name)) continue
        type.toSubscribe.delete(name)
        type.toUnsubscribe.add(name)
        if (!type.names.has(wildcard)) type.versions.delete(name)
      }
    },
    restore: (typeUrl, versions) => {
      const type = typeOf(typeUrl)
      for (const [name, version] of versions) type.versions.set(name, version)
    },
    onOpen: () => {
      nodeSent = false
      for (const type of types.values()) {
        type.opened = false
        type.answers.length = 0
      }
    },
    onResponse: (response, apply) => {
      const type = typeOf(response.typeUrl)
      const faults = receive(type, response, apply)
      type.answers.push({
        nonce: response.nonce,
        errorDetail: faults.length === 0 ? undefined : errorDetail(response.typeUrl, faults),
      })
    },
    take: () => {
      const order = [
        ...pushOrder,
        ...[...types.keys()].filter((typeUrl) => !pushOrder.some((known) => known === typeUrl)),
      ]
      return order.flatMap((typeUrl) => {
        const type = types.get(typeUrl)
        return type === undefined ? [] : takeOf(typeUrl, type)
      })
    },
  }
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
