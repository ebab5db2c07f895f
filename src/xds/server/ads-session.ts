import { Metadata, type ServerDuplexStream, status } from '@grpc/grpc-js'
import type { Node } from '../generated/envoy/config/core/v3/base_pb.ts'
import type { AdsStream } from './ads-stream.ts'
import type { AdsCallbacks, AdsClient, NodeInfo, PeerIdentity, SnapshotUpdate, StreamState } from './contract.ts'

/** What the session reads of a request of either protocol. */
export interface AdsRequest {
  readonly node?: Node | undefined
  readonly responseNonce: string
}

/** What one session is made of. */
export interface AdsSessionOptions<Request, Response> {
  readonly streamId: number
  readonly delta: boolean
  readonly call: ServerDuplexStream<Request, Response>
  readonly stream: AdsStream<Request, Response>
  readonly identity: PeerIdentity
  readonly callbacks: AdsCallbacks
  readonly now: () => number
  readonly sequenceTimeoutMs: number
  /** Called once when the stream is over. */
  readonly onEnd: () => void
}

/** Longest time between the opening of a stream and its first request. */
const firstRequestTimeoutMs = 15_000

/**
 * One open ADS stream: the state machine, its gRPC call and its timer.
 *
 *     opened --first request, accepted--> serving --end, error, refusal--> ended
 *
 * Writes wait for `drain` after the transport said that it is full; meanwhile the state machine is not asked for more, so a
 * slow client holds at most one response of each type and blocks nobody else.
 */
export class AdsSession<Request extends AdsRequest, Response> implements AdsClient {
  readonly streamId: number
  readonly delta: boolean
  readonly identity: PeerIdentity
  readonly connectedAt: number
  readonly #options: AdsSessionOptions<Request, Response>
  #phase: 'opened' | 'serving' | 'ended' = 'opened'
  #node: NodeInfo = { id: '', cluster: '', metadata: {}, userAgent: '' }
  #blocked = false
  #authorities: ReadonlySet<string> = new Set()
  #acknowledged = -1
  #sequenceTimer: ReturnType<typeof setTimeout> | undefined
  readonly #firstRequestTimer: ReturnType<typeof setTimeout>

  constructor(options: AdsSessionOptions<Request, Response>) {
    this.#options = options
    this.streamId = options.streamId
    this.delta = options.delta
    this.identity = options.identity
    this.connectedAt = options.now()
    this.#firstRequestTimer = setTimeout(
      () => this.#fail(status.DEADLINE_EXCEEDED, 'No request came on the stream'),
      firstRequestTimeoutMs,
    )
    const { call } = options
    call.on('data', (request: Request) => this.#onRequest(request))
    call.on('drain', () => {
      this.#blocked = false
      this.#pump()
    })
    call.on('end', () => {
      this.#finish()
      call.end()
    })
    for (const event of ['cancelled', 'close', 'error']) call.on(event, () => this.#finish())
  }

  get node(): NodeInfo {
    return this.#node
  }

  setSnapshot(update: SnapshotUpdate): void {
    if (this.#phase === 'ended') return
    this.#options.stream.setSnapshot(update)
    this.#pump()
    this.#tellState(false)
  }

  state(): StreamState {
    return this.#options.stream.state()
  }

  authorities(): ReadonlySet<string> {
    return this.#authorities
  }

  close(reason: string): void {
    this.#fail(status.UNAVAILABLE, reason)
  }

  #onRequest(request: Request): void {
    if (this.#phase === 'ended') return
    if (this.#phase === 'opened' && !this.#admit(request)) return
    const fault = this.#options.stream.onRequest(request, this.#options.now())
    if (fault !== undefined) return this.#fail(status.INVALID_ARGUMENT, fault)
    this.#tellInterest()
    this.#pump()
    this.#tellState(request.responseNonce !== '')
  }

  #admit(request: Request): boolean {
    clearTimeout(this.#firstRequestTimer)
    const { node } = request
    if (node === undefined || node.id === '') {
      this.#fail(status.INVALID_ARGUMENT, 'Expected node.id in the first request of the stream')
      return false
    }
    this.#node = { id: node.id, cluster: node.cluster, metadata: node.metadata ?? {}, userAgent: userAgent(node) }
    const admission = this.#options.callbacks.onConnect(this)
    if (!admission.accept) {
      this.#fail(status.PERMISSION_DENIED, admission.message)
      return false
    }
    this.#phase = 'serving'
    // A client that holds everything already may get no response for hours; the headers tell it that it is connected.
    this.#options.call.sendMetadata(new Metadata())
    return true
  }

  #tellInterest(): void {
    const authorities = this.#options.stream.authorities()
    if (authorities.size === this.#authorities.size && authorities.isSubsetOf(this.#authorities)) return
    this.#authorities = authorities
    this.#options.callbacks.onInterest(this, authorities)
  }

  #tellState(answered: boolean): void {
    if (this.#phase !== 'serving') return
    const state = this.#options.stream.state()
    if (!answered && state.acknowledgedRevision === this.#acknowledged) return
    this.#acknowledged = state.acknowledgedRevision
    this.#options.callbacks.onState(this, state)
  }

  #pump(): void {
    // A refused or just opened stream gets nothing, whatever the control plane handed in.
    if (this.#phase !== 'serving' || this.#blocked) return
    const { stream, call, sequenceTimeoutMs } = this.#options
    for (const response of stream.take()) if (!call.write(response)) this.#blocked = true
    clearTimeout(this.#sequenceTimer)
    this.#sequenceTimer = undefined
    if (stream.waiting()) {
      this.#sequenceTimer = setTimeout(() => {
        stream.release()
        this.#pump()
      }, sequenceTimeoutMs)
    }
  }

  #fail(code: status, details: string): void {
    if (this.#phase === 'ended') return
    this.#finish()
    this.#options.call.emit('error', { code, details })
  }

  #finish(): void {
    if (this.#phase === 'ended') return
    const served = this.#phase === 'serving'
    this.#phase = 'ended'
    clearTimeout(this.#firstRequestTimer)
    clearTimeout(this.#sequenceTimer)
    this.#options.onEnd()
    if (served) this.#options.callbacks.onDisconnect(this)
  }
}

function userAgent(node: Node): string {
  const version = node.userAgentVersionType
  if (version.case === 'userAgentVersion') return `${node.userAgentName}/${version.value}`
  if (version.case === 'userAgentBuildVersion' && version.value.version !== undefined) {
    const { majorNumber, minorNumber, patch } = version.value.version
    return `${node.userAgentName}/${majorNumber}.${minorNumber}.${patch}`
  }
  return node.userAgentName
}
