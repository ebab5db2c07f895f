const grpc = 'application/grpc'

/** True for `application/grpc` and `application/grpc+...`; gRPC-Web is something else. */
export function isGrpcContentType(contentType: string): boolean {
  return contentType.startsWith(grpc) && (contentType.length === grpc.length || contentType[grpc.length] === '+')
}
