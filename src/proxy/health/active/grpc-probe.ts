import type { GrpcProbeConfig } from '../../config/index.ts'
import { type CheckOutcome, failedAnswer, failedNetwork, notReady, passed } from './check-outcome.ts'
import { decodeServingStatus, encodeHealthRequest } from './grpc-health-message.ts'
import { Http2Exchange, type Http2Result } from './http2-exchange.ts'
import type { Probe, ProbeTarget } from './probe.ts'
import { requestFields } from './request-fields.ts'

/** Of an answer so much is looked at: a status is a few bytes. */
const keptBytes = 1024

/** `SERVING` of `grpc.health.v1.HealthCheckResponse`. */
const serving = 1

/** `grpc_health_check`: only `SERVING` with status OK passes. */
export class GrpcProbe implements Probe {
  readonly #exchange: Http2Exchange

  constructor(
    config: GrpcProbeConfig,
    target: ProbeTarget & { readonly timeoutMs: number },
    done: (outcome: CheckOutcome) => void,
  ) {
    const pseudo = [
      [':method', 'POST'],
      [':scheme', target.secure ? 'https' : 'http'],
      [':authority', target.authority],
      [':path', '/grpc.health.v1.Health/Check'],
    ] as const
    const own = [
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ['grpc-timeout', toGrpcTimeout(target.timeoutMs)],
      ['user-agent', 'Envoy/HC'],
    ] as const
    const request = {
      fields: [...pseudo, ...requestFields(own, config.metadata)],
      body: encodeHealthRequest(config.service),
      keptBytes,
    }
    this.#exchange = new Http2Exchange(target, request, (result) => done(judge(result)))
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

function judge(result: Http2Result): CheckOutcome {
  if (result === 'not-ready') return notReady
  if (result === 'unreachable') return failedNetwork
  const isServing =
    result.status === 200 && result.fields.get('grpc-status') === '0' && decodeServingStatus(result.body) === serving
  return isServing ? passed : failedAnswer
}

/** At most eight digits and a unit (the gRPC protocol over HTTP/2). */
function toGrpcTimeout(ms: number): string {
  return ms <= 99_999_999 ? `${ms}m` : `${Math.ceil(ms / 1000)}S`
}
