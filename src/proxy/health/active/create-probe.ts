import { assertNever } from '../../../base/index.ts'
import type { HealthCheckConfig } from '../../config/index.ts'
import type { CheckOutcome } from './check-outcome.ts'
import { GrpcProbe } from './grpc-probe.ts'
import { Http1Probe } from './http1-probe.ts'
import { Http2Probe } from './http2-probe.ts'
import type { Probe, ProbeTarget } from './probe.ts'
import { TcpProbe } from './tcp-probe.ts'

/** Who hears of a probe. */
export interface ProbeSink {
  readonly done: (outcome: CheckOutcome) => void
  /** The answer's name of its cluster was looked at (`service_name_matcher`). */
  readonly onVerify: () => void
}

/** Makes the check that a configuration asks for. */
export function createProbe(config: HealthCheckConfig, target: ProbeTarget, sink: ProbeSink): Probe {
  const { probe } = config
  switch (probe.kind) {
    case 'http':
      return probe.http2
        ? new Http2Probe(probe, target, sink.done, sink.onVerify)
        : new Http1Probe(probe, target, sink.done, sink.onVerify)
    case 'tcp':
      return new TcpProbe(probe, target, sink.done)
    case 'grpc':
      return new GrpcProbe(probe, { ...target, timeoutMs: config.timeoutMs }, sink.done)
    default:
      return assertNever(probe)
  }
}
