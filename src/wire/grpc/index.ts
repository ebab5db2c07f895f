/**
 * What is gRPC's own on top of HTTP (gRPC over HTTP2, pure): status codes, `grpc-message`, `grpc-timeout`, messages in DATA. Knows
 * nothing of HTTP's framing and of what a call is for.
 */
export { GrpcMessageCounter } from './message-counter.ts'
export {
  grpcCodeNames,
  grpcStatusNames,
  grpcStatusOfHttp,
  httpStatusOfGrpc,
  parseGrpcStatus,
  GrpcStatus,
} from './status.ts'
export { decodeGrpcMessage, encodeGrpcMessage } from './status-message.ts'
export { isGrpcContentType } from './content-type.ts'
export { encodeTrailerFrame, encodeWebText, grpcWebEncoding, type GrpcWebEncoding, WebTextDecoder } from './web.ts'
export { formatGrpcTimeout, parseGrpcTimeout } from './timeout.ts'
