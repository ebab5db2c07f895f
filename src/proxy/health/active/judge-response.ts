import type { HttpProbeConfig, StatusRange } from '../../config/index.ts'
import { matchesString } from '../../route/index.ts'
import { type CheckOutcome, failedAnswer } from './check-outcome.ts'
import { holdsPayload } from './holds-payload.ts'
import { CheckLimits } from './limits.ts'

/** A whole answer to an HTTP check. */
export interface CheckResponse {
  readonly status: number
  /** First value of a field, by its lower-case name. */
  readonly header: (name: string) => string | undefined
  /** As much of it as {@link keptBodyBytes} says. */
  readonly body: Buffer
}

/** How much of a body is kept. */
export function keptBodyBytes(config: HttpProbeConfig): number {
  if (config.receive.length === 0) return 0
  const { responseBufferBytes } = config
  return responseBufferBytes === 0 ? CheckLimits.bodyBytes : Math.min(responseBufferBytes, CheckLimits.bodyBytes)
}

/** What an answer says about the host. `onVerify` is called when the name of its cluster is looked at. */
export function judgeResponse(config: HttpProbeConfig, response: CheckResponse, onVerify: () => void): CheckOutcome {
  const { status } = response
  const excluded = response.header('x-envoy-immediate-health-check-fail') !== undefined
  if (!inRanges(config.expectedStatuses, status)) {
    return { kind: 'failed', cause: inRanges(config.retriableStatuses, status) ? 'retriable' : 'answer', excluded }
  }
  if (!holdsPayload(response.body, config.receive)) return { kind: 'failed', cause: 'answer', excluded }
  if (config.serviceName !== undefined) {
    onVerify()
    const name = response.header('x-envoy-upstream-healthchecked-cluster') ?? ''
    if (!matchesString(config.serviceName)(name)) return failedAnswer
  }
  return { kind: 'passed', degraded: response.header('x-envoy-degraded') !== undefined }
}

function inRanges(ranges: readonly StatusRange[], status: number): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end)
}
