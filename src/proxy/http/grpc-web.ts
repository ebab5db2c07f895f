import {
  encodeGrpcMessage,
  encodeTrailerFrame,
  encodeWebText,
  grpcStatusOfHttp,
  grpcWebEncoding,
  isGrpcContentType,
  WebTextDecoder,
} from '../../wire/grpc/index.ts'
import type { Head } from '../../wire/http1/index.ts'
import { ProxyField } from './fields.ts'
import type { ReceivedRequest } from './received-request.ts'
import type { LocalReply } from './response-writer.ts'

/** A call of gRPC-Web that goes upstream as one of gRPC (`envoy.filters.http.grpc_web`). */
export class GrpcWebCall {
  active = false
  /** Complete field lines for the upstream in place of the client's own. */
  readonly requestLines = 'content-type: application/grpc\r\ngrpc-accept-encoding: identity\r\nte: trailers\r\n'
  /** The request's body is no base64. */
  broken = false
  #textRequest = false
  #textResponse = false
  /** The response is gRPC: it is translated. */
  #translates = false
  readonly #decoder: WebTextDecoder = new WebTextDecoder()

  /** Looks whether a request is such a call; its head is complete. */
  begin(request: ReceivedRequest): void {
    this.broken = false
    const { head } = request
    const type = head.indexOfId(ProxyField.contentType)
    const encoding = type < 0 ? undefined : grpcWebEncoding(head.value(type))
    if (encoding === undefined) return
    this.active = true
    this.#textRequest = encoding === 'text'
    this.#textResponse = grpcWebEncoding(request.header('accept') ?? '') === 'text'
    this.#translates = false
    this.broken = false
    this.#decoder.reset()
    for (let index = 0; index < head.count; index += 1) {
      if (replaced.has(head.name(index).toLowerCase())) head.hide(index, ProxyField.http2Settings)
    }
  }

  /** The call is over. */
  end(): void {
    this.active = false
    this.broken = false
  }

  /** The framing that the upstream is told, whatever the client's: text is longer than what it stands for. To be called when that was read. */
  reframe({ head }: ReceivedRequest): void {
    if (!this.active || head.contentLength <= 0) return
    head.contentLength = -1
    head.chunked = true
  }

  /** A piece of the request's body is to be decoded. */
  get decodes(): boolean {
    return this.active && this.#textRequest
  }

  /** The body is over in the middle of a group, or was no base64. */
  get endsBroken(): boolean {
    return this.active && (this.broken || !this.#decoder.complete)
  }

  /** What a piece of the request's body stands for; undefined when it is no base64. */
  decode(bytes: Uint8Array, start: number, end: number): Buffer | undefined {
    const decoded = this.#decoder.decode(bytes, start, end)
    if (decoded === undefined) this.broken = true
    return decoded
  }

  /** Takes a response's head: true when what follows is translated. The head loses what the translation changes. */
  translate(head: Head): boolean {
    const type = head.indexOfId(ProxyField.contentType)
    this.#translates = type >= 0 && isGrpcContentType(head.value(type))
    if (!this.#translates) return false
    head.hide(type, ProxyField.http2Settings)
    head.contentLength = -1
    return true
  }

  /** Complete `content-type` line of the response. */
  get typeLine(): string {
    return `content-type: application/grpc-web${this.#textResponse ? '-text' : ''}+proto\r\n`
  }

  /** Pieces of the response's body are to be encoded. */
  get encodes(): boolean {
    return this.active && this.#translates && this.#textResponse
  }

  /** A piece of the response's body as text. */
  encode(bytes: Uint8Array, start: number, end: number): Buffer {
    return encodeWebText(bytes, start, end)
  }

  /** The trailers of the response as the end of its body; undefined when they stay what they are. */
  toFrame(trailers: Buffer): Buffer | undefined {
    if (!this.active || !this.#translates) return undefined
    const frame = encodeTrailerFrame(trailers)
    return this.#textResponse ? encodeWebText(frame, 0, frame.length) : frame
  }

  /** A reply of the proxy's own: its text as `grpc-message`, where it has one. The HTTP status stays, as in Envoy. */
  toReply(reply: LocalReply, grpcStatus = grpcStatusOfHttp(reply.status)): LocalReply {
    const { status, body, lines, edits } = reply
    const message = encodeGrpcMessage(typeof body === 'string' ? Buffer.from(body) : body)
    const told = message === '' ? '' : `grpc-status: ${grpcStatus}\r\ngrpc-message: ${message}\r\n`
    return { status, body: '', lines: `${this.typeLine}${told}${lines}`, edits }
  }
}

/** Fields that are written anew for the upstream. */
const replaced: ReadonlySet<string> = new Set(['content-type', 'grpc-accept-encoding', 'te'])
