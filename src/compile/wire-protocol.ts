import type { Protocol } from '../model/index.ts'
import type { WireProtocol } from './plan.ts'

/** What a port of this protocol carries: gRPC is HTTP/2, and TLS that the application speaks itself is plain octets. */
export function wireProtocol(protocol: Protocol): WireProtocol {
  switch (protocol) {
    case 'http1':
      return 'http1'
    case 'http2':
    case 'grpc':
      return 'http2'
    default:
      return 'tcp'
  }
}

/** Whether requests of the port are routed one by one; else its connections are. */
export function isHttp(protocol: Protocol): boolean {
  return wireProtocol(protocol) !== 'tcp'
}
