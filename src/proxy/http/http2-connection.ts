import type { TimerOwner, WheelTimer } from '../../base/index.ts'
import type { SocketOwner, StreamSocket } from '../../net/index.ts'
import { type EdgeSeries, ResponseFlag } from '../../telemetry/index.ts'
import {
  ErrorCode,
  type Http2Stream,
  Http2Session,
  type SessionOwner,
  type StreamOwner,
} from '../../wire/http2/index.ts'
import type { ClusterRuntime } from '../cluster/index.ts'
import { defaultHttp2Config } from '../config/index.ts'
import { SessionOutput, SessionWatch } from '../http2/index.ts'
import type { RbacEngine, RbacVerdict } from '../filters/index.ts'
import type { DownstreamInfo } from '../network/index.ts'
import { scaledTimeoutMs } from '../overload/index.ts'
import type { ClientConnection } from './client-stream.ts'
import type { HttpContext } from './context.ts'
import { Exchange } from './exchange.ts'
import { Http2ClientStream } from './http2-stream.ts'
import type { PeerMetadata } from './peer-metadata.ts'

/** Pseudo-fields of a request, which the count of header fields does not mean. */
const pseudoFields = 5

/** One accepted connection that speaks HTTP/2. */
export class Http2Connection implements SocketOwner, SessionOwner, TimerOwner, ClientConnection {
  readonly context: HttpContext
  readonly info: DownstreamInfo
  readonly session: Http2Session
  readonly trusted: boolean
  readonly originalDestination: string
  requests = 0
  /** When what is being told arrived, monotonic ms. */
  receivedAt = 0
  peer: PeerMetadata | undefined = undefined
  series: EdgeSeries | undefined = undefined
  seriesCluster: ClusterRuntime | undefined = undefined
  seriesGrpc = false
  rbac: RbacEngine | undefined = undefined
  rbacVerdict: RbacVerdict | undefined = undefined
  readonly #socket: StreamSocket
  readonly #output: SessionOutput
  readonly #watch: SessionWatch
  readonly #active: { value: number }
  readonly #timer: WheelTimer
  #lifetime: WheelTimer | undefined = undefined
  #idleSince = 0
  /** Streams whose requests are to go their way when what is being received was told. */
  readonly #due: Http2ClientStream[] = []
  #closed = false
  #draining = false
  #announced = false

  constructor(context: HttpContext, socket: StreamSocket, info: DownstreamInfo) {
    this.context = context
    this.info = info
    this.#socket = socket
    const { destinationAddress: address, destinationPort: port } = info
    this.originalDestination = address === '' || address.endsWith(`:${port}`) ? address : `${address}:${port}`
    this.trusted = info.direction !== 'inbound'
    const manager = context.options.manager()
    const { allowConnect, keepalive, limits } = manager.http2 ?? defaultHttp2Config
    const { timers } = context.options
    const { flushTimeoutMs, lingerMs, settingsTimeoutMs } = context.options.limits
    this.session = new Http2Session('server', this, {
      limits,
      hpack: {
        sectionBytes: manager.maxRequestHeadersBytes,
        fieldCount: manager.maxHeadersCount + pseudoFields,
        valueBytes: context.options.limits.headerFieldBytes,
      },
      connectProtocol: allowConnect,
      now: () => timers.now(),
    })
    this.#output = new SessionOutput(socket, this.session, { timers, flushTimeoutMs, lingerMs })
    this.#watch = new SessionWatch(this.session, {
      timers,
      keepalive,
      settingsTimeoutMs,
      random: context.options.random,
      onSilent: (counter) => this.#onSilent(counter),
    })
    this.#timer = context.options.timers.timer(this)
    context.connections.add(this)
    const { connectionsActive, connectionsTotal } = context.stats
    this.#active = connectionsActive
    this.#active.value += 1
    connectionsTotal.value += 1
    this.session.start()
    this.#armIdle()
    const { maxConnectionDurationMs } = manager
    if (maxConnectionDurationMs !== undefined) {
      this.#lifetime = context.options.timers.timer({ onTimer: () => this.#onLifetimeOver() })
      this.#lifetime.arm(maxConnectionDurationMs)
    }
    // Its first requests may be under way already: they are served.
    if (context.draining) this.announceEnd()
  }

  /** The stream is told `onReceived` when what is being received was told. */
  putOff(stream: Http2ClientStream): void {
    this.#due.push(stream)
  }

  /** Takes a stream's state back for another one. */
  releaseStream(stream: Http2ClientStream): void {
    this.context.releaseClientStream(stream)
  }

  onData(_socket: StreamSocket, bytes: Uint8Array): void {
    this.#watch.received()
    this.receivedAt = this.context.options.timers.now()
    this.session.receive(bytes instanceof Buffer ? bytes : Buffer.from(bytes), 0, bytes.length)
    for (let index = 0; index < this.#due.length; index += 1) this.#due[index]?.onReceived()
    this.#due.length = 0
  }

  onDrain(): void {
    this.#output.onDrain()
  }

  onEnd(): void {
    this.cut()
  }

  onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer.cancel()
    this.#lifetime?.cancel()
    this.#output.close()
    this.#watch.close()
    this.session.destroy(ErrorCode.noError)
    const { context } = this
    context.connections.delete(this)
    this.#active.value -= 1
    if (context.connections.size === 0) context.onEmpty?.()
  }

  onTimer(): void {
    if (this.session.activeStreams > 0) {
      if (this.#draining) this.session.goaway(ErrorCode.noError)
      return
    }
    const now = this.context.options.timers.now()
    if (now < this.#idleUntil()) {
      this.session.trim()
      this.#arm(this.#idleUntil() - now, now)
      return
    }
    this.session.goaway(ErrorCode.noError)
    this.#output.end()
  }

  onPong(): void {
    this.#watch.onPong()
  }

  onStream(stream: Http2Stream): StreamOwner {
    if (!this.#draining) this.#timer.cancel()
    const owner = this.context.takeClientStream() ?? new Http2ClientStream(this.context, this)
    owner.begin(this, stream)
    const { maxRequestsPerConnection } = this.context.options.manager()
    if (maxRequestsPerConnection > 0 && this.requests + 1 >= maxRequestsPerConnection) this.drain()
    else if (this.context.closesAfterResponse()) this.drain()
    return owner
  }

  /** It is logged and counted as a request that was never answered, as Envoy does. */
  onMalformed(): void {
    const { context } = this
    const stream = new Http2ClientStream(context, this)
    const exchange = context.takeExchange() ?? new Exchange(context, this, stream)
    exchange.begin(this, stream)
    exchange.onHead(true, this.receivedAt)
    exchange.onDownstreamGone(ResponseFlag.DPE, 'http2.violation.of.messaging.rule')
  }

  onOutput(): void {
    this.#output.schedule()
  }

  onCapacity(): void {}

  onGoaway(): void {
    // The client opens no more streams: the connection goes when the last one is over.
    this.#draining = true
    if (this.session.activeStreams === 0) this.#output.end()
  }

  onFailure(_errorCode: number, counter: string): void {
    this.context.stats.countHttp2Failure(counter)
    this.#output.end()
  }

  onIdle(): void {
    if (this.#draining || this.#announced) {
      this.session.goaway(ErrorCode.noError)
      this.#output.end()
    } else this.#armIdle()
  }

  /** Says that no further stream is taken; closes when the last one is over. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    if (this.session.activeStreams === 0) {
      this.onIdle()
      return
    }
    this.session.drain()
    this.#timer.arm(this.context.options.limits.drainGraceMs)
  }

  /** The first of two GOAWAY frames (RFC 9113 section 6.8): it refuses no stream that is under way. The second comes when none is left. */
  announceEnd(): void {
    if (this.#draining || this.#announced) return
    this.#announced = true
    this.session.drain()
  }

  /** Closes without more ado. */
  cut(): void {
    if (this.#closed) return
    this.#socket.terminate()
    this.onClose()
  }

  #armIdle(): void {
    this.#idleSince = this.context.options.timers.now()
    // First to give buffers back.
    this.#arm(Math.min(this.#idleUntil() - this.#idleSince, this.context.options.limits.idleTrimMs), this.#idleSince)
  }

  /** When the connection has been idle for long enough to be closed; infinite when it never has. */
  #idleUntil(): number {
    const full = scaledTimeoutMs(this.context.options.manager().idleTimeoutMs, this.context.overload.connectionIdle)
    return full > 0 ? this.#idleSince + full : Number.POSITIVE_INFINITY
  }

  #arm(delayMs: number, now: number): void {
    if (delayMs < Number.POSITIVE_INFINITY) this.#timer.arm(Math.max(1, delayMs), now)
  }

  rescale(): void {
    const now = this.context.options.timers.now()
    if (this.session.activeStreams === 0 && this.#timer.armed) this.#arm(this.#idleUntil() - now, now)
  }

  #onSilent(counter: string): void {
    this.context.stats.countHttp2Failure(counter)
    this.#output.flush()
    this.cut()
  }

  #onLifetimeOver(): void {
    this.context.stats.connectionMaxDuration.value += 1
    this.drain()
  }
}
