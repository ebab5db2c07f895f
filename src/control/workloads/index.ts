/**
 * Registered workloads: the stored record, its lease, and what it is in the mesh model.
 *
 *     PUT /v1/workloads/{id} -> registry (lease of 15 s) -> store -> mesh: a Workload, and a Service where no object names one
 *
 * Leases are in memory only; the registry must not know of proxies' streams or certificates.
 */
export { impliedServices, toWorkload } from './to-workload.ts'
export { parseWorkloadRecord, type WorkloadRecord, workloadPrefix } from './workload-record.ts'
export { type KnownWorkloads, leaseMs, type Registration, WorkloadRegistry } from './workload-registry.ts'
