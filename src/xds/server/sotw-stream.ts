import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../generated/envoy/service/discovery/v3/discovery_pb.ts'
import { TypeUrl } from '../names.ts'
import { type AdsStream, createAdsStream } from './ads-stream.ts'
import { StreamCore } from './stream-core.ts'
import type { Outgoing, TypeState } from './type-state.ts'

/** A state-of-the-world ADS stream (`StreamAggregatedResources`). `streamId` makes its nonces unique. */
export function createSotwStream(streamId: string): AdsStream<DiscoveryRequest, DiscoveryResponse> {
  const core = new StreamCore({
    streamId,
    isWhole: (typeUrl) => typeUrl === TypeUrl.listener || typeUrl === TypeUrl.cluster,
    tellsAbsence: false,
  })
  return createAdsStream(core, { subscribe: (type, request) => subscribe(core, type, request), toResponse })
}

function subscribe(core: StreamCore, type: TypeState, request: DiscoveryRequest): string | undefined {
  if (request.resourceLocators.length > 0) return 'resource_locators is not implemented'
  // Each request carries the whole list of names; a stale nonce says nothing about them.
  return core.subscribe(type, request.resourceNames, () => type.subscription.replace(request.resourceNames))
}

function toResponse(outgoing: Outgoing): DiscoveryResponse {
  return create(DiscoveryResponseSchema, {
    typeUrl: outgoing.typeUrl,
    nonce: outgoing.nonce,
    versionInfo: versionOf(outgoing),
    resources: outgoing.resources.map(({ typeUrl, bytes }) => create(AnySchema, { typeUrl, value: bytes })),
  })
}

/** One version for the set: made from the contents, so that it means the same on every control plane and after a restart. */
function versionOf(outgoing: Outgoing): string {
  const hash = createHash('sha256')
  for (const { name, version } of outgoing.resources.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${name}\0${version}\0`)
  }
  return hash.digest('hex').slice(0, 16)
}
