import {
  type BodyFraming,
  ChunkedDecoder,
  ChunkEvent,
  ConnectionOption,
  FieldTable,
  Head,
  responseFraming,
  scanResponseHead,
} from '../../../wire/http1/index.ts'
import type { HttpProbeConfig } from '../../config/index.ts'
import { type CheckOutcome, failedNetwork, notReady } from './check-outcome.ts'
import { judgeResponse, keptBodyBytes } from './judge-response.ts'
import { CheckLimits } from './limits.ts'
import { ProbeConnection, type ProbeSpeaker } from './probe-connection.ts'
import type { Probe, ProbeTarget } from './probe.ts'
import { requestFields } from './request-fields.ts'

const noBytes = Buffer.alloc(0)
const fieldTable = new FieldTable()

/** `http_health_check` over HTTP/1.1. The check ends with the end of the answer, body included. */
export class Http1Probe implements Probe, ProbeSpeaker {
  readonly #config: HttpProbeConfig
  readonly #target: ProbeTarget
  readonly #done: (outcome: CheckOutcome) => void
  readonly #onVerify: () => void
  readonly #connection: ProbeConnection
  readonly #request: Buffer
  readonly #head = new Head(fieldTable, {
    headBytes: CheckLimits.headBytes,
    fieldCount: CheckLimits.headFields,
    fieldBytes: CheckLimits.headBytes,
  })
  readonly #decoder = new ChunkedDecoder({
    extensionBytes: CheckLimits.headBytes,
    trailerBytes: CheckLimits.headBytes,
  })
  #checking = false
  /** The connection had served a check before, and nothing has come back for this one. */
  #stale = false
  #inBody = false
  #framing: BodyFraming = 'none'
  #left = 0
  /** Octets of the head that came so far; then the head's own. */
  #partial: Buffer = noBytes
  #body: Buffer = noBytes
  #excess = false

  constructor(
    config: HttpProbeConfig,
    target: ProbeTarget,
    done: (outcome: CheckOutcome) => void,
    onVerify: () => void,
  ) {
    this.#config = config
    this.#target = target
    this.#done = done
    this.#onVerify = onVerify
    this.#connection = new ProbeConnection(target, this)
    this.#request = toRequest(config, target.authority)
  }

  start(): void {
    this.#checking = true
    if (!this.#connection.use()) this.#finish(notReady, false)
  }

  abort(): void {
    this.#checking = false
    this.#connection.close()
  }

  close(): void {
    this.abort()
  }

  onConnected(fresh: boolean): void {
    this.#stale = !fresh
    this.#head.reset()
    this.#inBody = false
    this.#excess = false
    this.#partial = noBytes
    this.#body = noBytes
    this.#connection.write(this.#request)
  }

  onUnreachable(): void {
    this.#finish(failedNetwork, false)
  }

  onBytes(bytes: Buffer): void {
    this.#stale = false
    if (!this.#checking) {
      this.#connection.close()
      return
    }
    if (this.#inBody) this.#readBody(bytes, 0)
    else this.#readHead(bytes)
  }

  onEnded(unreached: boolean): void {
    if (!this.#checking) return
    if (this.#inBody && this.#framing === 'until-close') this.#judge(false)
    // The host may close an idle connection when it likes: that says nothing.
    else if (this.#stale && unreached) this.start()
    else this.#finish(failedNetwork, false)
  }

  #readHead(bytes: Buffer): void {
    const head = this.#head
    let source = Buffer.concat([this.#partial, bytes])
    for (;;) {
      const result = scanResponseHead(head, source, source.length)
      if (result < 0) {
        this.#finish(failedNetwork, false)
        return
      }
      this.#partial = source
      if (result === 0) return
      if (head.status >= 200) {
        head.bytes = source
        this.#startBody()
        this.#readBody(source, result)
        return
      }
      if (head.status === 101) {
        this.#finish(failedNetwork, false)
        return
      }
      source = source.subarray(result)
      head.reset()
    }
  }

  #startBody(): void {
    this.#inBody = true
    this.#framing = responseFraming(this.#head, this.#config.method === 'HEAD')
    this.#left = this.#head.contentLength
    this.#decoder.reset()
  }

  #readBody(bytes: Buffer, start: number): void {
    switch (this.#framing) {
      case 'chunked':
        this.#readChunks(bytes, start)
        return
      case 'until-close':
        this.#keep(bytes, start, bytes.length)
        return
      default: {
        const end = this.#framing === 'none' ? start : Math.min(bytes.length, start + this.#left)
        this.#left -= end - start
        this.#keep(bytes, start, end)
        this.#excess = end < bytes.length
        if (this.#framing === 'none' || this.#left === 0) this.#judge(true)
      }
    }
  }

  #readChunks(bytes: Buffer, start: number): void {
    let at = start
    while (at < bytes.length) {
      const event = this.#decoder.next(bytes, at, bytes.length)
      at = this.#decoder.position
      if (event === ChunkEvent.data) this.#keep(bytes, this.#decoder.dataStart, this.#decoder.dataEnd)
      else if (event === ChunkEvent.fault) {
        this.#finish(failedNetwork, false)
        return
      } else if (event === ChunkEvent.end) {
        this.#excess = at < bytes.length
        this.#judge(true)
        return
      }
    }
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const room = keptBodyBytes(this.#config) - this.#body.length
    const taken = Math.min(room, end - start)
    if (taken > 0) this.#body = Buffer.concat([this.#body, bytes.subarray(start, start + taken)])
  }

  #judge(framed: boolean): void {
    const head = this.#head
    const response = { status: head.status, header: (name: string) => head.header(name), body: this.#body }
    const outcome = judgeResponse(this.#config, response, this.#onVerify)
    const closes = (head.connection & ConnectionOption.close) !== 0
    const keepAlive = head.minorVersion === 1 || (head.connection & ConnectionOption.keepAlive) !== 0
    this.#finish(outcome, framed && !closes && keepAlive && !this.#excess)
  }

  #finish(outcome: CheckOutcome, keep: boolean): void {
    this.#checking = false
    if (!keep || !this.#target.reuseConnection) this.#connection.close()
    this.#done(outcome)
  }
}

function toRequest({ method, path, headers, send }: HttpProbeConfig, authority: string): Buffer {
  const fields = requestFields([['user-agent', 'Envoy/HC']], headers)
  const length = send.length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH'
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: ${authority}`,
    ...(length ? [`content-length: ${send.length}`] : []),
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), send])
}
