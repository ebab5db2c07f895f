import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { Node } from '../generated/envoy/config/core/v3/base_pb.ts'
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from '../generated/envoy/service/discovery/v3/discovery_pb.ts'
import type { Status } from '../generated/google/rpc/status_pb.ts'
import { pushOrder, TypeUrl } from '../names.ts'
import type { AdsProtocol, ApplyUpdate, ReceivedResource, ResourceFault } from './contract.ts'
import { errorDetail } from './error-detail.ts'

interface TypeSubscription {
  readonly names: Set<string>
  /** Names of what was accepted or refused, for finding out what a whole-set response leaves out. */
  readonly present: Set<string>
  /** Of the last accepted response. */
  version: string
  nonce: string
  refusal: Status | undefined
  /** A request is due: the names changed, or a response was taken in. */
  due: boolean
}

const wildcard = '*'

/** The state-of-the-world protocol (`StreamAggregatedResources`). Virtual hosts cannot be asked for on demand. */
export function createSotwProtocol(node: Node): AdsProtocol<DiscoveryRequest, DiscoveryResponse> {
  const types = new Map<string, TypeSubscription>()
  let nodeSent = false

  function typeOf(typeUrl: string): TypeSubscription {
    let type = types.get(typeUrl)
    if (type === undefined) {
      type = { names: new Set(), present: new Set(), version: '', nonce: '', refusal: undefined, due: false }
      types.set(typeUrl, type)
    }
    return type
  }

  function toRequest(typeUrl: string, type: TypeSubscription): DiscoveryRequest {
    const request = create(DiscoveryRequestSchema, {
      typeUrl,
      versionInfo: type.version,
      responseNonce: type.nonce,
      // Without names LDS and CDS mean everything to old and new servers alike.
      resourceNames: type.names.has(wildcard) && type.names.size === 1 ? [] : [...type.names],
      ...(nodeSent ? {} : { node }),
      ...(type.refusal === undefined ? {} : { errorDetail: type.refusal }),
    })
    nodeSent = true
    type.due = false
    type.refusal = undefined
    return request
  }

  return {
    onDemand: false,
    subscribe: (typeUrl, names) => {
      const type = typeOf(typeUrl)
      for (const name of names) {
        if (!type.names.has(name)) type.due = true
        type.names.add(name)
      }
    },
    unsubscribe: (typeUrl, names) => {
      const type = typeOf(typeUrl)
      for (const name of names) {
        if (type.names.delete(name)) type.due = true
        type.present.delete(name)
      }
    },
    restore: (typeUrl, versions) => {
      for (const name of versions.keys()) typeOf(typeUrl).present.add(name)
    },
    onOpen: () => {
      nodeSent = false
      for (const type of types.values()) {
        type.nonce = ''
        type.refusal = undefined
        type.due = type.names.size > 0
      }
    },
    onResponse: (response, apply) => {
      const type = typeOf(response.typeUrl)
      const faults = receive(type, response, apply)
      type.nonce = response.nonce
      type.due = true
      if (faults.length === 0) type.version = response.versionInfo
      else type.refusal = errorDetail(response.typeUrl, faults)
    },
    take: () => {
      return pushOrder.flatMap((typeUrl) => {
        const type = types.get(typeUrl)
        return type === undefined || !type.due ? [] : [toRequest(typeUrl, type)]
      })
    },
  }
}

function receive(type: TypeSubscription, response: DiscoveryResponse, apply: ApplyUpdate): readonly ResourceFault[] {
  const { typeUrl } = response
  const resources: ReceivedResource[] = []
  const faults: ResourceFault[] = []
  for (const [index, any] of response.resources.entries()) {
    const name = any.typeUrl === typeUrl ? resourceName(any.value) : undefined
    if (name === undefined) {
      faults.push({ name: `resources[${index}]`, message: `expected a ${typeUrl} with a name, got ${any.typeUrl}` })
    } else if (type.names.has(wildcard) || type.names.has(name)) {
      resources.push({ typeUrl, name, version: versionOf(any.value), bytes: any.value })
    }
  }
  const named = new Set(resources.map(({ name }) => name))
  const isWhole = typeUrl === TypeUrl.listener || typeUrl === TypeUrl.cluster
  const removed = isWhole
    ? [...new Set([...type.present, ...type.names])].filter((name) => name !== wildcard && !named.has(name))
    : []
  for (const name of removed) type.present.delete(name)
  for (const name of named) type.present.add(name)
  faults.push(...apply({ typeUrl, resources, removed }))
  return faults
}

/** All xDS resources hold their name in field 1; undefined when the bytes do not begin like one. */
function resourceName(bytes: Uint8Array): string | undefined {
  try {
    const reader = new BinaryReader(bytes)
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag()
      if (field === 1 && wireType === WireType.LengthDelimited) return reader.string()
      reader.skip(wireType, field)
    }
  } catch {
    // Malformed bytes have no name; the caller refuses them.
  }
  return undefined
}

function versionOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}
