import { z } from 'zod'
import { workloadRequestSchema } from '../rest/index.ts'

/** Where registrations live in the store. */
export const workloadPrefix = 'workloads/'

const recordSchema = workloadRequestSchema.extend({
  id: z.string(),
  spiffeId: z.string(),
  /** RFC 3339, of the first registration. */
  createdAt: z.string(),
})

/** A registered workload as it is stored; its lease is not part of it. */
export type WorkloadRecord = z.infer<typeof recordSchema>

/** Store key of a registration. */
export function workloadKey(id: string): string {
  return workloadPrefix + id
}

/** Writes a record as store text. */
export function formatWorkloadRecord(record: WorkloadRecord): string {
  return JSON.stringify(recordSchema.parse(record))
}

/** Reads store text; undefined when this version cannot. */
export function parseWorkloadRecord(text: string): WorkloadRecord | undefined {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined // Not JSON: the caller reports it with the key.
  }
}
