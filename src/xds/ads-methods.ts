import type { MethodDefinition } from '@grpc/grpc-js'
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'
import {
  decodeRenewRequest,
  decodeRenewResponse,
  encodeRenewRequest,
  encodeRenewResponse,
  renewMethodPath,
  type RenewRequest,
  type RenewResponse,
} from './certificate-service.ts'
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from './generated/envoy/service/discovery/v3/discovery_pb.ts'

/** `AggregatedDiscoveryService/DeltaAggregatedResources`. */
export const deltaMethod: MethodDefinition<DeltaDiscoveryRequest, DeltaDiscoveryResponse> = {
  path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  requestStream: true,
  responseStream: true,
  ...codecs(DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema),
}

/** `AggregatedDiscoveryService/StreamAggregatedResources` (state of the world). */
export const sotwMethod: MethodDefinition<DiscoveryRequest, DiscoveryResponse> = {
  path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
  requestStream: true,
  responseStream: true,
  ...codecs(DiscoveryRequestSchema, DiscoveryResponseSchema),
}

/** `weft.ca.v1.CertificateService/Renew`. */
export const renewMethod: MethodDefinition<RenewRequest, RenewResponse> = {
  path: renewMethodPath,
  requestStream: false,
  responseStream: false,
  requestSerialize: encodeRenewRequest,
  requestDeserialize: decodeRenewRequest,
  responseSerialize: encodeRenewResponse,
  responseDeserialize: decodeRenewResponse,
}

function codecs<Request extends DescMessage, Response extends DescMessage>(request: Request, response: Response) {
  return {
    requestSerialize: (message: MessageShape<Request>) => toBuffer(toBinary(request, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(request, bytes),
    responseSerialize: (message: MessageShape<Response>) => toBuffer(toBinary(response, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(response, bytes),
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
