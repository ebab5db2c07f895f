/**
 * Which endpoint takes the next request or connection: round robin, random, least request, ring hash, Maglev, all
 * weighted. Pure but for the injected random numbers; knows endpoints only by address, weight and load.
 */
export { availableHosts, isAvailable } from './available-hosts.ts'
export { type AvoidedHosts, type BalancedHost, type Balancer, pickAvoiding } from './balancer.ts'
export { createBalancer } from './create-balancer.ts'
