import type { ClusterPolicy } from '../cluster-policy.ts'

/** How an endpoint is chosen: least requests of two by default, as in Istio. */
export const balancingPolicy: ClusterPolicy = {
  name: 'balancing',
  apply(plan, { policy }) {
    plan.balancer = policy?.loadBalancer ?? 'least-request'
  },
}
