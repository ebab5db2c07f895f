import { create } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import {
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type Resource,
  ResourceSchema,
} from '../generated/envoy/service/discovery/v3/discovery_pb.ts'
import { TypeUrl } from '../names.ts'
import type { XdsResource } from '../resource.ts'
import { type AdsStream, createAdsStream } from './ads-stream.ts'
import { StreamCore } from './stream-core.ts'
import type { Outgoing, TypeState } from './type-state.ts'

/** An incremental ADS stream (`DeltaAggregatedResources`). `streamId` makes its nonces unique. */
export function createDeltaStream(streamId: string): AdsStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse> {
  const core = new StreamCore({ streamId, isWhole: () => false, tellsAbsence: true })
  return createAdsStream(core, { subscribe: (type, request) => subscribe(core, type, request), toResponse })
}

function subscribe(core: StreamCore, type: TypeState, request: DeltaDiscoveryRequest): string | undefined {
  if (request.resourceLocatorsSubscribe.length > 0) return 'resource_locators_subscribe is not implemented'
  const first = !type.subscription.started
  const { resourceNamesSubscribe: names, resourceNamesUnsubscribe: unsubscribed } = request
  const fault = core.subscribe(type, names, () => type.subscription.change(names, unsubscribed))
  if (fault !== undefined) return fault
  if (first && type.typeUrl === TypeUrl.virtualHost && names.length === 0) core.answerEmptyHosts(type)
  if (first) takeOver(type, request.initialResourceVersions)
  return undefined
}

/** A reconnecting client says what it holds: only differences are sent, and what is gone is removed. */
function takeOver(type: TypeState, versions: Readonly<Record<string, string>>): void {
  const held = Object.entries(versions).filter(([name]) => type.subscription.has(name))
  for (const [name, version] of held) {
    type.held.set(name, { version, resource: undefined })
    type.asked.delete(name)
  }
  if (held.length > 0) type.answerDue = false
}

function toResponse(outgoing: Outgoing): DeltaDiscoveryResponse {
  // A route table that asks for hosts on demand resumes its requests only on an entry of that name; one without a
  // resource says that the host does not exist (Envoy, "VHDS"). A removal would leave them waiting.
  const isAbsentHost = (name: string): boolean => outgoing.typeUrl === TypeUrl.virtualHost && /\/[^/]/.test(name)
  const absentHosts = outgoing.absent.filter(isAbsentHost)
  const absent = outgoing.absent.filter((name) => !isAbsentHost(name))
  return create(DeltaDiscoveryResponseSchema, {
    typeUrl: outgoing.typeUrl,
    nonce: outgoing.nonce,
    resources: [...outgoing.resources.map(toResource), ...absentHosts.map(absentHost)],
    removedResources: [...absent, ...outgoing.removed],
  })
}

function toResource(resource: XdsResource): Resource {
  return create(ResourceSchema, {
    name: resource.name,
    version: resource.version,
    aliases: resource.typeUrl === TypeUrl.virtualHost ? [resource.name] : [],
    resource: create(AnySchema, { typeUrl: resource.typeUrl, value: resource.bytes }),
  })
}

function absentHost(name: string): Resource {
  return create(ResourceSchema, { name, aliases: [name] })
}
