import type { TimerOwner, WheelTimer } from '../../base/index.ts'
import { ResponseFlag } from '../../telemetry/index.ts'
import { GrpcStatus } from '../../wire/grpc/index.ts'
import { logExchange } from './access-record.ts'
import type { ClusterRuntime, EndpointRuntime } from '../cluster/index.ts'
import type { Decision, HeaderEdits, StatefulSession } from '../route/index.ts'
import type { ClientConnection, ClientStream } from './client-stream.ts'
import type { HttpContext } from './context.ts'
import { onRetryPause, onRouteTimeout } from './attempt.ts'
import { admit, resumeFilters } from './dispatch.ts'
import type { HeadPlan } from './fields.ts'
import { GrpcCall } from './grpc-call.ts'
import { GrpcWebCall } from './grpc-web.ts'
import type { HttpStats } from './http-stats.ts'
import { Phase } from './phase.ts'
import { ReceivedRequest } from './received-request.ts'
import { recordExchange } from './record-exchange.ts'
import { UpstreamLeg } from './upstream-leg.ts'

const refusalText: ReadonlyMap<number, string> = new Map([
  [408, 'request timeout'],
  [417, 'Expectation Failed'],
  [431, 'Request Header Fields Too Large'],
  [501, 'Not Implemented'],
  [505, 'HTTP Version Not Supported'],
])

const noNames: readonly string[] = []

const Timer = { route: 0, pause: 1, request: 2, duration: 3 } as const

/** One request and its response, over one or more upstream attempts. Reusable: belongs to a connection from `begin` until it is done. */
export class Exchange implements TimerOwner {
  readonly context: HttpContext
  /** The counters that this request was begun on. */
  stats: HttpStats
  connection: ClientConnection
  stream: ClientStream
  readonly request: ReceivedRequest
  readonly leg: UpstreamLeg
  readonly grpc: GrpcCall = new GrpcCall()
  /** Made when the filter is configured. */
  grpcWeb: GrpcWebCall | undefined = undefined
  plan: HeadPlan
  phase: number = Phase.free
  /** Grows with each use, so that a late callback can tell that its request is gone. */
  generation = 0
  decision: Decision | undefined = undefined
  cluster: ClusterRuntime | undefined = undefined
  responseEdits: HeaderEdits | undefined = undefined

  /** Monotonic milliseconds. */
  startedAt = 0
  sentAt = 0
  /** When the step that is being taken began: one reading of the clock serves all of it. */
  stepAt = 0
  idleTimeoutMs = 0
  status = 0
  flags = 0
  details = ''
  transportFailure = ''
  serviceTimeMs = -1
  bytesReceived = 0
  bytesSent = 0

  /** The connection may serve another request afterwards. */
  keepAlive = false
  /** The upgrade asked for, lower case; `connectUpgrade` for CONNECT; empty when there is none. */
  upgradeType = ''
  bodyDone = false
  /** Trailers of the request, field lines as they came. */
  trailers: Buffer | undefined = undefined
  /** Names among them that are never to be indexed (RFC 7541 section 7.1.3). */
  neverTrailers: readonly string[] = noNames
  /** Body held: for the head's write, and for another attempt as long as `replayable`. */
  hold: Buffer | undefined = undefined
  held = 0
  replayable = true
  attempts = 0
  /** Decides the endpoint in clusters with consistent hashing; the same for all attempts. */
  hash: bigint | undefined = undefined
  /** Complete `set-cookie` lines for the upstream's response. */
  cookieLines = ''
  /** Of the `stateful_session` filter, when the request has part in it, and the endpoint that it names; empty: none. */
  session: StatefulSession | undefined = undefined
  sessionHost = ''
  /** Endpoints of earlier attempts, if the retry policy avoids them. */
  tried: EndpointRuntime[] | undefined = undefined
  /** An idle connection died under the request; it was sent again once. */
  replayed = false
  /** The fault filter answers when its delay is over. */
  abortDrawn = false
  /** Filter that comes next when the fault filter's delay is over. */
  nextFilter = 0
  /** Counted in the cluster's active retries. */
  retrying = false

  routeDeadline = 0
  readonly #routeTimer: WheelTimer
  readonly pauseTimer: WheelTimer
  readonly #requestTimer: WheelTimer
  readonly #durationTimer: WheelTimer

  constructor(context: HttpContext, connection: ClientConnection, stream: ClientStream) {
    const { timers, limits } = context.options
    this.context = context
    this.stats = context.stats
    this.connection = connection
    this.stream = stream
    this.plan = context.plan(connection.trusted)
    const { manager } = this.plan
    this.request = new ReceivedRequest(
      {
        headBytes: manager.maxRequestHeadersBytes,
        fieldCount: manager.maxHeadersCount,
        fieldBytes: limits.headerFieldBytes,
      },
      limits.keptHeadBytes,
    )
    this.leg = new UpstreamLeg(this)
    this.#routeTimer = timers.timer(this, Timer.route)
    this.pauseTimer = timers.timer(this, Timer.pause)
    this.#requestTimer = timers.timer(this, Timer.request)
    this.#durationTimer = timers.timer(this, Timer.duration)
  }

  /** Takes up the next request of a connection: its first bytes are there. */
  begin(connection: ClientConnection, stream: ClientStream): void {
    const { context, request } = this
    this.connection = connection
    this.stream = stream
    const plan = context.plan(connection.trusted)
    if (plan !== this.plan || request.head.limits.headBytes !== plan.manager.maxRequestHeadersBytes) {
      this.plan = plan
      request.head.limits = {
        headBytes: plan.manager.maxRequestHeadersBytes,
        fieldCount: plan.manager.maxHeadersCount,
        fieldBytes: context.options.limits.headerFieldBytes,
      }
    }
    this.phase = Phase.head
    this.startedAt = 0
    context.activeRequests += 1
    this.stats = context.stats
    this.stats.requestsTotal.value += 1
    this.stats.requestsActive.value += 1
  }

  /**
   * The head is complete, and in `request`. What is here of the body may be delivered next; then `admit` sets the request on its way.
   *
   * @param bodyDone There is no body.
   * @param now When it came, monotonic ms.
   */
  onHead(bodyDone: boolean, now: number): void {
    this.startedAt = now
    this.stepAt = now
    this.idleTimeoutMs = this.plan.manager.streamIdleTimeoutMs
    this.bodyDone = bodyDone
    this.grpc.begin(this.request)
    if (this.plan.manager.grpcWeb === true) this.#beginWeb()
  }

  /** Decides where the request goes, and sends it there. */
  admit(): void {
    const { requestTimeoutMs } = this.plan.manager
    this.grpcWeb?.reframe(this.request)
    if (!this.bodyDone && requestTimeoutMs > 0) this.#requestTimer.arm(requestTimeoutMs, this.stepAt)
    const { maxStreamDurationMs } = this.plan.manager
    if (maxStreamDurationMs !== undefined) this.#durationTimer.arm(maxStreamDurationMs, this.stepAt)
    this.stream.touch(this.stepAt)
    admit(this)
  }

  /** A piece of the body goes upstream, or waits until there is one. `flushBody` or `endBody` must follow. */
  deliver(bytes: Uint8Array, start: number, end: number): void {
    this.bytesReceived += end - start
    if (this.grpcWeb?.decodes !== true) {
      this.#deliver(bytes, start, end)
      return
    }
    const decoded = this.grpcWeb.decode(bytes, start, end)
    if (decoded !== undefined) this.#deliver(decoded, 0, decoded.length)
  }

  #refuseWeb(): void {
    this.keepAlive = false
    this.reply(400, 'Bad gRPC-web request,invalid base64 data.', 0, 'grpc_base_64_decode_failed')
  }

  #beginWeb(): void {
    this.grpcWeb ??= new GrpcWebCall()
    this.grpcWeb.begin(this.request)
    if (this.grpcWeb.active) this.grpc.start()
  }

  #deliver(bytes: Uint8Array, start: number, end: number): void {
    if (this.grpc.active) this.grpc.requestMessages.add(bytes, start, end)
    const { context, leg } = this
    // What is ahead of an upgrade's answer is held: it is the tunnel's, should there be one (CVE-2025-64763).
    if (leg.sending && this.upgradeType === '') {
      if (this.replayable) this.#keep(bytes, start, end, context.options.limits.replayBytes)
      leg.sendBody(bytes, start, end)
      return
    }
    if (this.phase >= Phase.responding) return
    this.#keep(bytes, start, end, Number.MAX_SAFE_INTEGER)
    if (this.held > context.options.limits.replayBytes) {
      this.replayable = false
      this.stream.pause()
    }
  }

  /** What was delivered leaves. */
  flushBody(): void {
    if (this.grpcWeb?.broken === true) {
      this.#refuseWeb()
      return
    }
    if (this.leg.sending) this.leg.flushBody()
  }

  /** The body is over. */
  endBody(trailers: Buffer | undefined): void {
    if (this.grpcWeb?.endsBroken === true) {
      this.#refuseWeb()
      return
    }
    this.bodyDone = true
    this.trailers = trailers
    if (this.leg.sending && this.upgradeType === '') this.leg.endBody()
    if (this.phase === Phase.upstream && this.decision?.kind === 'forward')
      this.armRouteTimeout(this.decision.timeoutMs, this.context.options.timers.now())
  }

  /** The client is gone, or its stream; the upstream's work is of no use any more. `flag` and `details` in Envoy's words. */
  onDownstreamGone(flag: number = ResponseFlag.DC, details = 'downstream_remote_disconnect'): void {
    if (this.phase === Phase.head && this.startedAt === 0) {
      this.end(false, this.context.options.timers.now(), false)
      return
    }
    this.flags |= flag
    if (this.details === '' || this.phase === Phase.responding) this.details = details
    this.leg.abandon()
    this.end(false, this.context.options.timers.now(), true)
  }

  /** Nothing moved for the stream idle timeout. */
  onStreamIdle(): void {
    if (this.phase >= Phase.responding) {
      this.flags |= ResponseFlag.SI
      this.details = 'stream_idle_timeout'
      this.abort()
    } else if (this.bodyDone) this.reply(504, 'stream timeout', ResponseFlag.SI, 'stream_idle_timeout')
    else this.reply(408, 'stream timeout', ResponseFlag.SI, 'stream_idle_timeout')
  }

  onTimer(tag: number): void {
    if (this.phase === Phase.free) return
    if (tag === Timer.route) {
      const left = this.routeDeadline - this.context.options.timers.now()
      if (this.routeDeadline === 0) return
      if (left > 0) this.#routeTimer.arm(left)
      else onRouteTimeout(this)
    } else if (tag === Timer.request) {
      if (!this.bodyDone && this.phase !== Phase.tunnel) this.refuse(408, 'request_overall_timeout', 0)
    } else if (tag === Timer.duration) {
      this.stats.requestMaxDuration.value += 1
      const status = this.bodyDone ? 504 : 408
      const { deadlineExceeded } = GrpcStatus
      const text = 'downstream duration timeout'
      this.reply(status, text, 0, 'max_duration_timeout', '', this.responseEdits, deadlineExceeded)
    } else {
      this.stepAt = this.context.options.timers.now()
      if (this.phase === Phase.delayed) resumeFilters(this)
      else onRetryPause(this)
    }
  }

  /** The route says how long the stream may last, from its beginning on; 0: without end. */
  limitDuration(maxMs: number): void {
    this.grpc.limit(this.request, maxMs)
    if (maxMs > 0) this.#durationTimer.arm(Math.max(this.startedAt + maxMs - this.stepAt, 0), this.stepAt)
    else if (this.#durationTimer.armed) this.#durationTimer.cancel()
  }

  /** Starts the route's timeout. It is not taken back at the end: `routeDeadline` says whether it counts. */
  armRouteTimeout(timeoutMs: number, now: number = this.stepAt): void {
    if (timeoutMs <= 0 || this.routeDeadline !== 0) return
    this.routeDeadline = now + timeoutMs
    this.#routeTimer.arm(timeoutMs, now)
  }

  /** Refuses a request whose bytes are not to be trusted further: answer and close. */
  refuse(status: number, details: string, fault: number): void {
    if (this.startedAt === 0) {
      this.startedAt = this.context.options.timers.now()
      this.bodyDone = false
    }
    this.keepAlive = false
    this.reply(status, refusalText.get(status) ?? 'Bad Request', fault < 0 ? ResponseFlag.DPE : 0, details)
  }

  /** Answers in the proxy's own name; when the response has begun already, the connection is cut instead. */
  reply(
    status: number,
    body: string | Uint8Array,
    flags: number,
    details: string,
    lines = '',
    edits: HeaderEdits | undefined = this.responseEdits,
    grpcStatus?: number,
  ): void {
    this.flags |= flags
    this.details = details
    this.leg.abandon()
    if (this.phase >= Phase.responding) {
      this.abort()
      return
    }
    const plain = { status, body, lines, edits }
    const { grpc, grpcWeb } = this
    const reply =
      grpcWeb?.active === true
        ? grpcWeb.toReply(plain, grpcStatus)
        : grpc.active
          ? grpc.toReply(plain, grpcStatus)
          : plain
    this.status = reply.status
    if (!this.bodyDone) this.keepAlive = false
    this.stream.reply(reply)
    this.bytesSent = this.request.method === 'HEAD' ? 0 : reply.body.length
    this.end(true, this.context.options.timers.now(), true)
  }

  /** Ends what cannot be ended in order: the client sees the connection close in the middle. */
  abort(): void {
    this.leg.abandon()
    this.keepAlive = false
    this.end(false, this.context.options.timers.now(), true)
  }

  /** Remembers the endpoint of the last attempt; each is kept once, so that there are never more than the cluster has. */
  noteTried(): void {
    const { endpoint } = this.leg
    if (endpoint === undefined || this.tried?.includes(endpoint) === true) return
    this.tried ??= []
    this.tried.push(endpoint)
  }

  /** The exchange is over: counted, logged, given back. */
  end(clean: boolean, now: number, counted: boolean): void {
    if (this.phase === Phase.free) return
    const { context, request, stream } = this
    if (counted) {
      if (this.grpc.active) this.grpc.settle(this.status)
      recordExchange(this, now - this.startedAt)
      if (this.plan.manager.accessLogs.length > 0) logExchange(this, Math.round(now - this.startedAt))
    }
    if (this.retrying && this.cluster !== undefined) this.cluster.activeRetries -= 1
    if (this.phase === Phase.parked) context.parkedRequests -= 1
    context.activeRequests -= 1
    this.stats.requestsActive.value -= 1
    this.phase = Phase.free
    this.generation += 1
    if (this.pauseTimer.armed) this.pauseTimer.cancel()
    if (this.#requestTimer.armed) this.#requestTimer.cancel()
    if (this.#durationTimer.armed) this.#durationTimer.cancel()
    this.leg.release()
    request.reset()
    this.grpc.active = false
    this.grpcWeb?.end()
    this.#reset()
    context.releaseExchange(this)
    stream.finished(clean, now)
  }

  #reset(): void {
    this.routeDeadline = 0
    this.trailers = undefined
    this.neverTrailers = noNames
    this.decision = undefined
    this.cluster = undefined
    this.responseEdits = undefined
    this.status = 0
    this.flags = 0
    this.details = ''
    this.transportFailure = ''
    this.serviceTimeMs = -1
    this.bytesReceived = 0
    this.bytesSent = 0
    this.upgradeType = ''
    this.hold = undefined
    this.held = 0
    this.replayable = true
    this.attempts = 0
    this.hash = undefined
    this.cookieLines = ''
    this.session = undefined
    this.sessionHost = ''
    this.tried = undefined
    this.replayed = false
    this.retrying = false
    this.abortDrawn = false
  }

  #keep(bytes: Uint8Array, start: number, end: number, bound: number): void {
    const needed = this.held + end - start
    if (needed > bound) {
      this.replayable = false
      this.hold = undefined
      this.held = 0
      return
    }
    if (this.hold === undefined || needed > this.hold.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, (this.hold?.length ?? 0) * 2, 1024))
      this.hold?.copy(grown, 0, 0, this.held)
      this.hold = grown
    }
    this.hold.set(bytes.subarray(start, end), this.held)
    this.held = needed
  }
}
