import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { PeakEwmaConfig } from './balancing-config.ts'
import type { CompileContext } from './compile-context.ts'

/** The message that Envoy's contrib build has for it. It comes in an `xds.type.v3.TypedStruct`: docs/adr/0005 says why. */
export const peakEwmaType = 'envoy.extensions.load_balancing_policies.peak_ewma.v3alpha.PeakEwma'

const dayMs = 86_400_000

/** Settings of how Envoy gathers samples from its threads; here each sample counts when it is taken. */
const gathering: ReadonlySet<string> = new Set(['aggregation_interval', 'max_samples_per_host'])

/** Compiles the fields of a `PeakEwma`, in the names of the proto file. */
export function compilePeakEwma(context: CompileContext, path: string, fields: JsonObject): PeakEwmaConfig {
  const known = ['decay_time', 'default_rtt', 'penalty_value']
  for (const name of Object.keys(fields)) {
    if (!known.includes(name) && !gathering.has(name))
      context.faults.add(`${path}.${name}`, `Field ${name} of PeakEwma is not implemented by this proxy`)
  }
  const penalty = fields['penalty_value'] ?? 1_000_000
  if (typeof penalty !== 'number' || !(penalty > 0))
    context.faults.add(`${path}.penalty_value`, 'Expected a number above 0')
  return {
    kind: 'peak-ewma',
    decayMs: duration(context, `${path}.decay_time`, fields['decay_time'] ?? '10s'),
    defaultRttMs: duration(context, `${path}.default_rtt`, fields['default_rtt'] ?? '0.010s'),
    penalty: typeof penalty === 'number' ? penalty : 1,
  }
}

/** A duration above zero in protobuf's JSON form, `1.5s`. */
function duration(context: CompileContext, path: string, value: JsonValue): number {
  const seconds = typeof value === 'string' && /^\d{1,9}(\.\d{1,9})?s$/.test(value) ? Number.parseFloat(value) : 0
  const ms = seconds * 1000
  if (ms > 0 && ms <= dayMs) return ms
  context.faults.add(path, `Expected a duration above 0s, up to 86400s, got ${JSON.stringify(value)}`)
  return 1
}
