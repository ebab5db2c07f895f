import type { Place } from '../../../resources/schema/index.ts'
import type { WorkloadEntrySpec } from './schema.ts'

/** Label by which Istio marks a workload whose proxy takes mutual TLS. */
const tlsModeLabel = 'security.istio.io/tlsMode'

/** Rules of a WorkloadEntry: it is reached without mutual TLS, whatever its labels say. */
export function checkWorkloadEntry(spec: Partial<WorkloadEntrySpec>, place: Place): void {
  if (spec.labels?.get(tlsModeLabel) !== 'istio') return
  place.at('labels', tlsModeLabel).report({
    code: 'WEFT_ISTIO_UNSUPPORTED',
    message: 'A WorkloadEntry with a proxy of its own is not yet supported: it would be called in plain text',
    remedy: 'Start the workload with weft run instead, or remove the label',
    pointAt: 'key',
  })
}
