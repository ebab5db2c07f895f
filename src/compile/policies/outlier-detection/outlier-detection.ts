import type { ClusterPolicy } from '../cluster-policy.ts'

/** Outlier detection; not where connections go to the address that was dialled: there nothing can be left out. */
export const outlierDetectionPolicy: ClusterPolicy = {
  name: 'outlier-detection',
  apply(plan, { policy }) {
    if (plan.discovery !== 'original-dst') plan.outlierDetection = policy?.outlierDetection
  },
}
