import { grpcCodeNames } from '../../wire/grpc/index.ts'

/** `14 UNAVAILABLE: connection refused`, as gRPC libraries print it. */
export function describeStatus(code: number, message: string): string {
  return `${code} ${grpcCodeNames[code] ?? 'UNKNOWN'}${message === '' ? '' : `: ${message}`}`
}
