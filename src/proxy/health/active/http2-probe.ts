import type { HttpProbeConfig } from '../../config/index.ts'
import { type CheckOutcome, failedNetwork, notReady } from './check-outcome.ts'
import { Http2Exchange, type Http2Result } from './http2-exchange.ts'
import { judgeResponse, keptBodyBytes } from './judge-response.ts'
import type { Probe, ProbeTarget } from './probe.ts'
import { requestFields } from './request-fields.ts'

/** `http_health_check` over HTTP/2 (`codec_client_type: HTTP2`). */
export class Http2Probe implements Probe {
  readonly #exchange: Http2Exchange

  constructor(
    config: HttpProbeConfig,
    target: ProbeTarget,
    done: (outcome: CheckOutcome) => void,
    onVerify: () => void,
  ) {
    const { method, path, headers, send } = config
    const pseudo = [
      [':method', method],
      [':scheme', target.secure ? 'https' : 'http'],
      [':authority', target.authority],
      [':path', path],
    ] as const
    const length = send.length > 0 ? ([['content-length', String(send.length)]] as const) : []
    const fields = [...pseudo, ...length, ...requestFields([['user-agent', 'Envoy/HC']], headers)]
    const request = { fields, body: send, keptBytes: keptBodyBytes(config) }
    this.#exchange = new Http2Exchange(target, request, (result) => done(judge(config, result, onVerify)))
  }

  start(): void {
    this.#exchange.start()
  }

  abort(): void {
    this.#exchange.abort()
  }

  close(): void {
    this.#exchange.abort()
  }
}

function judge(config: HttpProbeConfig, result: Http2Result, onVerify: () => void): CheckOutcome {
  if (result === 'not-ready') return notReady
  if (result === 'unreachable') return failedNetwork
  const { status, fields, body } = result
  return judgeResponse(config, { status, header: (name) => fields.get(name), body }, onVerify)
}
