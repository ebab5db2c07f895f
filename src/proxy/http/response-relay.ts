import { ResponseFlag } from '../../telemetry/index.ts'
import { httpStatusOfGrpc } from '../../wire/grpc/index.ts'
import type { BodyFraming, Head } from '../../wire/http1/index.ts'
import { onUpstreamProtocolError, retryAfterResponse } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import { Phase } from './phase.ts'
import { noteSession } from './session-exchange.ts'
import type { UpstreamLeg } from './upstream-leg.ts'

/** Carries an upstream's response to the client, whatever version of HTTP each of the two speaks. */
export class ResponseRelay {
  readonly #exchange: Exchange
  readonly #leg: UpstreamLeg
  #interims = 0
  /** When what is being told arrived, monotonic ms: one reading of the clock serves all that came together. */
  arrivedAt = 0

  constructor(exchange: Exchange, leg: UpstreamLeg) {
    this.#exchange = exchange
    this.#leg = leg
  }

  /** A `1xx` response other than 101; false when there were too many of them. */
  interim(head: Head): boolean {
    const { context, stream } = this.#exchange
    this.#interims += 1
    if (this.#interims > context.options.limits.interimResponses) return false
    stream.interim(head)
    return true
  }

  /**
   * The final head. False when the response goes no further: it is thrown away for a retry. Otherwise `data`, and `finish` or
   * `flush`, follow.
   */
  head(head: Head, framing: BodyFraming): boolean {
    const exchange = this.#exchange
    const { context, decision } = exchange
    const now = this.arrivedAt
    this.#noteHead(head)
    if (
      decision?.kind === 'forward' &&
      decision.retry !== undefined &&
      retryAfterResponse(exchange, decision.retry, head)
    )
      return false
    if (exchange.retrying && head.status < 500 && exchange.cluster !== undefined)
      exchange.cluster.stats.upstream_rq_retry_success += 1
    if (exchange.session !== undefined) noteSession(exchange)
    exchange.status = head.status
    exchange.details = 'via_upstream'
    exchange.phase = Phase.responding
    // An answer ahead of the request's end, or to an upgrade that did not happen: what follows may not be a request.
    if (context.draining || !exchange.bodyDone || exchange.upgradeType !== '') exchange.keepAlive = false
    exchange.stream.touch(now)
    exchange.stream.head(head, this.#toWeb(head, framing))
    return true
  }

  /** More of the body, or of a tunnel. */
  data(bytes: Uint8Array, start: number, end: number): void {
    const exchange = this.#exchange
    exchange.bytesSent += end - start
    const { grpc, grpcWeb } = exchange
    if (grpc.active) grpc.responseMessages.add(bytes, start, end)
    if (grpcWeb?.encodes === true) {
      const text = grpcWeb.encode(bytes, start, end)
      exchange.stream.data(text, 0, text.length)
    } else exchange.stream.data(bytes, start, end)
  }

  /** What was told leaves; the upstream waits for a slow client. */
  flush(): void {
    const { stream } = this.#exchange
    stream.touch(this.arrivedAt)
    if (!stream.flush()) this.#leg.pause()
  }

  /** The response was told whole. */
  finish(trailers: Buffer | undefined): void {
    const exchange = this.#exchange
    const { grpc, grpcWeb, stream } = exchange
    if (grpc.active && trailers !== undefined) grpc.noteTrailers(trailers)
    const frame = trailers === undefined ? undefined : grpcWeb?.toFrame(trailers)
    if (frame !== undefined) stream.data(frame, 0, frame.length)
    stream.end(frame === undefined ? trailers : undefined)
    stream.flush()
    this.#leg.complete()
    exchange.end(true, this.arrivedAt, true)
  }

  /** The response broke off, or its framing did; `details` in Envoy's words. */
  fail(flag: number, details: string): void {
    const exchange = this.#exchange
    this.#leg.endpoint?.outlier?.countConnectFailure()
    exchange.flags |= flag
    exchange.details = `upstream_reset_after_response_started{${details}}`
    exchange.abort()
  }

  /** The upstream closed the connection in the middle of the response. */
  failConnection(): void {
    this.fail(ResponseFlag.UC, 'connection_termination')
  }

  /** The upstream's framing broke in the middle of the response. */
  failProtocol(): void {
    this.fail(ResponseFlag.UPE, 'protocol_error')
  }

  /** Both sides speak another protocol from here on: 101, or a 2xx to CONNECT. False when nobody asked for it. */
  startTunnel(head: Head): boolean {
    const exchange = this.#exchange
    this.#noteHead(head)
    if (exchange.upgradeType === '') {
      onUpstreamProtocolError(exchange)
      return false
    }
    exchange.status = head.status
    exchange.details = 'via_upstream'
    exchange.phase = Phase.tunnel
    exchange.routeDeadline = 0
    exchange.stream.startTunnel(head)
    return true
  }

  /** The framing that the client is told: a body that is translated to gRPC-Web has a length that nobody knows. */
  #toWeb(head: Head, framing: BodyFraming): BodyFraming {
    const exchange = this.#exchange
    const { grpcWeb } = exchange
    if (grpcWeb?.active !== true || !grpcWeb.translate(head)) return framing
    exchange.cookieLines += grpcWeb.typeLine
    return framing === 'none' ? framing : 'chunked'
  }

  #noteHead(head: Head): void {
    const exchange = this.#exchange
    exchange.serviceTimeMs = Math.round(this.arrivedAt - exchange.sentAt)
    this.#interims = 0
    const { endpoint } = this.#leg
    const { grpc } = exchange
    if (grpc.active) grpc.noteHead(head)
    // A call that fails at once fails by its own status; one that fails behind messages is not counted, as in Envoy.
    endpoint?.outlier?.countResponse(grpc.active && grpc.status >= 0 ? httpStatusOfGrpc(grpc.status) : head.status)
    endpoint?.latency?.observe(this.arrivedAt - exchange.sentAt, this.arrivedAt)
    const checks = endpoint?.checks
    if (checks !== undefined && head.header('x-envoy-immediate-health-check-fail') !== undefined) checks.failNow()
  }
}
