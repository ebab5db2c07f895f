import { createStratifiedRandom } from '../../base/index.ts'
import { type AccessLogRecord, emptyAccessLogRecord } from '../../telemetry/index.ts'
import { HeadWriter } from '../../wire/http1/index.ts'
import { calmOverloadState, isTaken, type OverloadState } from '../overload/index.ts'
import { ExchangeSubject } from './authorize.ts'
import type { HttpServerOptions } from './contract.ts'
import type { Exchange } from './exchange.ts'
import { createHeadPlan, type HeadPlan } from './fields.ts'
import { HttpStats } from './http-stats.ts'
import { GrpcStats } from './grpc-stats.ts'
import type { Http2ClientStream } from './http2-stream.ts'
import { peerMetadataLines } from './peer-metadata.ts'

/** An accepted connection, as the server's drain sees it. */
export interface ServedConnection {
  /** Takes no more requests, and closes when those in progress are over. */
  readonly drain: () => void
  /** Tells the client that it should go, in a way that it cannot mistake; takes what it sends until then. */
  readonly announceEnd: () => void
  /** Closes without more ado. */
  readonly cut: () => void
  /** Idle times got shorter: the one that runs is cut to its present length. */
  readonly rescale: () => void
}

/** What all connections of one server share. */
export class HttpContext {
  readonly options: HttpServerOptions
  readonly overload: OverloadState
  /** Every message is composed here and handed to a socket before the next one is begun. */
  readonly writer: HeadWriter
  readonly connections: Set<ServedConnection> = new Set()
  readonly record: AccessLogRecord = emptyAccessLogRecord()
  readonly metadataLines: string
  readonly grpcStats: GrpcStats
  /** What rules of access control look at. */
  readonly rbacSubject: ExchangeSubject = new ExchangeSubject()
  /** Draws of weighted splits. */
  readonly split: () => number
  activeRequests = 0
  parkedRequests = 0
  draining = false
  /** Called when the last connection is gone. */
  onEmpty: (() => void) | undefined = undefined
  readonly #free: Exchange[] = []
  readonly #freeStreams: Http2ClientStream[] = []
  #trustedPlan: HeadPlan | undefined = undefined
  #foreignPlan: HeadPlan | undefined = undefined
  #stats: HttpStats | undefined = undefined
  #dateSecond = -1
  #date = ''

  constructor(options: HttpServerOptions) {
    this.options = options
    this.overload = options.overload ?? calmOverloadState()
    this.writer = new HeadWriter(options.limits.writerBytes)
    this.grpcStats = new GrpcStats(options.telemetry, options.limits.grpcMethods)
    this.metadataLines = peerMetadataLines(options.node)
    this.split = createStratifiedRandom(options.random)
  }

  /** The plan of the manager as it is configured now. */
  plan(trusted: boolean): HeadPlan {
    const manager = this.options.manager()
    const known = trusted ? this.#trustedPlan : this.#foreignPlan
    if (known !== undefined && known.manager === manager) return known
    const made = createHeadPlan(manager, trusted)
    if (trusted) this.#trustedPlan = made
    else this.#foreignPlan = made
    return made
  }

  /** The counters of the manager as it is configured now. Who counts up in a gauge keeps it, to count down in the same one. */
  get stats(): HttpStats {
    const { statPrefix } = this.options.manager()
    if (this.#stats?.prefix !== statPrefix) this.#stats = new HttpStats(this.options.telemetry, statPrefix)
    return this.#stats
  }

  /** A response must end its connection: the listener drains, health checks are to fail, or memory is short. */
  closesAfterResponse(): boolean {
    const { overload, options } = this
    if (this.draining || overload.failedHealthCheck) return true
    if (overload.disableKeepalive === 0 || !isTaken(overload.disableKeepalive, options.random)) return false
    this.stats.overloadDisableKeepalive.value += 1
    return true
  }

  /** A free exchange, if one is kept. */
  takeExchange(): Exchange | undefined {
    return this.#free.pop()
  }

  /** Takes an exchange back. */
  releaseExchange(exchange: Exchange): void {
    if (this.#free.length < this.options.limits.keptExchanges) this.#free.push(exchange)
  }

  /** A free stream of HTTP/2, if one is kept. */
  takeClientStream(): Http2ClientStream | undefined {
    return this.#freeStreams.pop()
  }

  /** Takes a stream back. */
  releaseClientStream(stream: Http2ClientStream): void {
    if (this.#freeStreams.length < this.options.limits.keptExchanges) this.#freeStreams.push(stream)
  }

  /** `Date` of now (RFC 9110 section 6.6.1), made once a second. */
  date(): string {
    const now = this.options.clock.now()
    const second = Math.floor(now / 1000)
    if (second !== this.#dateSecond) {
      this.#dateSecond = second
      this.#date = new Date(now).toUTCString()
    }
    return this.#date
  }
}
