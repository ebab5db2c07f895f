/** Requests over node:http2, compared byte for byte. */
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'

import { PatternCheck } from './pattern.ts'

/** A request whose answer is the pattern. */
export interface Http2Request {
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  /** Sent one after the other. */
  readonly parts?: readonly Buffer[]
  readonly expectBytes: number
  /** Expected `grpc-status` in the trailers. */
  readonly expectGrpcStatus?: string
}

/** A connection that takes its own successor's place: when it is to go away, the next request opens another. */
export class Http2Client {
  readonly #open: () => ClientHttp2Session
  #session: ClientHttp2Session | undefined
  #asked = 0
  readonly #requestsPerSession: number

  /** @param url `http:` by prior knowledge, `https:` without looking at the certificate. */
  constructor(url: string, requestsPerSession: number) {
    this.#requestsPerSession = requestsPerSession
    this.#open = () => connect(url, { rejectUnauthorized: false })
  }

  /** Rejects when the answer is not as expected. */
  exchange(request: Http2Request): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const method = request.parts === undefined ? 'GET' : 'POST'
    const stream = this.#current().request({ ':method': method, ':path': request.path, ...request.headers })
    const check = new PatternCheck()
    let status = 0
    let grpcStatus = ''
    stream.on('response', (fields) => void (status = Number(fields[':status'])))
    stream.on('trailers', (fields) => void (grpcStatus = String(fields['grpc-status'])))
    stream.on('data', (part: Buffer) => {
      if (status !== 200) return
      try {
        check.take(part)
      } catch (cause) {
        reject(cause instanceof Error ? cause : new Error(String(cause)))
      }
    })
    stream.on('error', (cause) => reject(new Error(`${cause.message}, status ${status}, for ${request.path}`)))
    stream.on('close', () => {
      if (status !== 200) reject(new Error(`Expected 200, got ${status} for ${request.path}`))
      else if (check.bytes !== request.expectBytes)
        reject(new Error(`Expected ${request.expectBytes} bytes, got ${check.bytes} for ${request.path}`))
      else if (request.expectGrpcStatus !== undefined && grpcStatus !== request.expectGrpcStatus)
        reject(new Error(`Expected grpc-status ${request.expectGrpcStatus}, got "${grpcStatus}" for ${request.path}`))
      else resolve()
    })
    for (const part of request.parts ?? []) stream.write(part)
    stream.end()
    return promise
  }

  close(): void {
    this.#session?.close()
    this.#session = undefined
  }

  #current(): ClientHttp2Session {
    if (this.#asked >= this.#requestsPerSession) this.close()
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) {
      this.#asked += 1
      return this.#session
    }
    const session = this.#open()
    const forget = (): void => {
      if (this.#session === session) this.#session = undefined
    }
    session.on('error', forget)
    session.on('goaway', forget)
    session.on('close', forget)
    this.#session = session
    this.#asked = 1
    return session
  }
}
