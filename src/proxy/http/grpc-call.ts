import {
  encodeGrpcMessage,
  formatGrpcTimeout,
  GrpcMessageCounter,
  grpcStatusOfHttp,
  isGrpcContentType,
  parseGrpcStatus,
  parseGrpcTimeout,
} from '../../wire/grpc/index.ts'
import type { Head } from '../../wire/http1/index.ts'
import type { ForwardDecision } from '../route/index.ts'
import { ProxyField } from './fields.ts'
import type { ReceivedRequest } from './received-request.ts'
import type { LocalReply } from './response-writer.ts'

const unknownStatus = -1

/** What an exchange knows of the gRPC call that it carries, if it carries one. */
export class GrpcCall {
  active = false
  /** -1 while it is not known. */
  status: number = unknownStatus
  /** The `grpc-timeout` that goes upstream in place of the one that came; empty: that one. */
  timeout = ''
  readonly requestMessages: GrpcMessageCounter = new GrpcMessageCounter()
  readonly responseMessages: GrpcMessageCounter = new GrpcMessageCounter()

  /** The request is a call in another form. */
  start(): void {
    this.active = true
    this.status = unknownStatus
    this.timeout = ''
    this.requestMessages.reset()
    this.responseMessages.reset()
  }

  /** Looks whether a request is a call; its head is complete. */
  begin(request: ReceivedRequest): void {
    if (request.method !== 'POST') return
    const { head } = request
    const index = head.indexOfId(ProxyField.contentType)
    if (index < 0 || !isGrpcContentType(head.value(index))) return
    this.start()
  }

  /** The upstream is told how long the stream may last by the route; 0: nothing, for it has no end. */
  limit({ head }: ReceivedRequest, maxMs: number): void {
    if (!this.active) return
    const index = head.indexOfId(ProxyField.grpcTimeout)
    if (index >= 0) head.hide(index, ProxyField.http2Settings)
    this.timeout = maxMs > 0 ? formatGrpcTimeout(maxMs) : ''
  }

  /** Notes a response head: without a body behind it the status stands there. */
  noteHead(head: Head): void {
    this.responseMessages.reset()
    const index = head.indexOfId(ProxyField.grpcStatus)
    this.status = index < 0 ? unknownStatus : parseGrpcStatus(head.value(index))
  }

  /** Notes the trailers of a response: field lines as they came. */
  noteTrailers(lines: Buffer): void {
    const match = /^grpc-status:[ \t]*(\S*)/im.exec(lines.toString('latin1'))
    if (match !== null) this.status = parseGrpcStatus(match[1] ?? '')
  }

  /** A response without `grpc-status` has the one that its HTTP status stands for. */
  settle(httpStatus: number): void {
    if (this.status === unknownStatus) this.status = grpcStatusOfHttp(httpStatus)
  }

  /** A reply of the proxy's own in the form of gRPC: status and message in the head, which is all there is. */
  toReply(reply: LocalReply, grpcStatus: number | undefined): LocalReply {
    const { status, body, lines, edits } = reply
    this.status = grpcStatus ?? grpcStatusOfHttp(status)
    const message = encodeGrpcMessage(typeof body === 'string' ? Buffer.from(body) : body)
    const messageLine = message === '' ? '' : `grpc-message: ${message}\r\n`
    const all = `content-type: application/grpc\r\ngrpc-status: ${this.status}\r\n${messageLine}${lines}`
    return { status: 200, body: '', lines: all, edits }
  }
}

/** How long a stream may last, by its route and `grpc-timeout` (Envoy's `max_stream_duration`); 0: as long as it likes. */
export function streamDurationMs(
  request: ReceivedRequest,
  duration: NonNullable<ForwardDecision['streamDuration']>,
  ofManagerMs: number | undefined,
): number {
  const { grpcMaxMs, grpcOffsetMs, maxMs } = duration
  const asked = grpcMaxMs === undefined ? undefined : request.field(ProxyField.grpcTimeout)
  const wanted = asked === undefined ? undefined : parseGrpcTimeout(asked)
  if (grpcMaxMs === undefined || wanted === undefined) return maxMs ?? ofManagerMs ?? 0
  const bounded = grpcMaxMs > 0 && wanted > grpcMaxMs ? grpcMaxMs : wanted
  return bounded > grpcOffsetMs ? bounded - grpcOffsetMs : bounded
}
