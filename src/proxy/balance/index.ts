/**
 * Which endpoint takes the next request or connection. Pure but for the injected random numbers and clock; knows endpoints
 * only by address, weight, health, place and load.
 *
 *     SubsetBalancer    by the route's metadata_match          -> all hosts, or those of a subset
 *     PriorityBalancer  by health: priority, panic, locality   -> hosts that are equals
 *     Balancer          round robin, random, least request,    -> one host
 *                       ring hash, Maglev, peak EWMA
 *
 * What follows from hosts and settings alone is computed when they change, not when a host is picked.
 */
export { type AvoidedHosts, type BalancedHost, type Balancer, type BalancerParts, pickAvoiding } from './balancer.ts'
export { createBalancer, isConsistentHashing } from './create-balancer.ts'
export { type GroupedHost, healthOf } from './grouped-host.ts'
export { PeakLatency } from './peak-latency.ts'
export { PriorityBalancer, type SpreadSettings } from './priority-balancer.ts'
export { SubsetBalancer, type SubsetBalancerParts, type SubsetHost } from './subset-balancer.ts'
export { type LocalCluster } from './zone-routing.ts'
