import { anything, object, optional, type Read, required } from '../../../resources/schema/index.ts'
import { endpointFields, ipAddress } from '../fields/endpoint.ts'
import { checkWorkloadEntry } from './validate.ts'

const specFields = { address: required(ipAddress), ...endpointFields }

/** The `spec` of a WorkloadEntry, as written. */
export type WorkloadEntrySpec = Read<typeof specFields>

/** Reads a WorkloadEntry. */
export const workloadEntryReader = object({
  apiVersion: required(anything),
  kind: required(anything),
  metadata: required(anything),
  spec: required(object(specFields, checkWorkloadEntry)),
  status: optional(anything),
})
