import { z } from 'zod'
import { parseFiles, type Resource, resourceKey } from '../../resources/index.ts'
import { diagnosticSchema } from '../rest/index.ts'

/** Where users' objects live in the store. */
export const objectPrefix = 'resources/'

const recordSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  /** YAML of this one document, as the user wrote it. */
  text: z.string(),
  file: z.string(),
  firstLine: z.number(),
  /** RFC 3339; kept when the object is applied again. */
  createdAt: z.string(),
  remarks: z.array(diagnosticSchema),
})

/** A user's object as it is stored. */
export type ObjectRecord = z.infer<typeof recordSchema>

/** Store key of an object. */
export function objectKey(resource: Pick<Resource, 'group' | 'kind' | 'namespace' | 'name'>): string {
  return objectPrefix + resourceKey(resource)
}

/** Writes a record as store text. */
export function formatObjectRecord(record: ObjectRecord): string {
  return JSON.stringify(recordSchema.parse(record))
}

/** Reads store text; undefined when this version cannot (written by a later one, or damaged). */
export function parseObjectRecord(text: string): ObjectRecord | undefined {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined // Not JSON: the caller reports it with the key.
  }
}

/** The object that a record holds, with positions in the user's file; undefined when it no longer parses. */
export function toResource(record: ObjectRecord): Resource | undefined {
  const { file: path, text, firstLine, namespace } = record
  return parseFiles([{ path, text, firstLine }], { defaultNamespace: namespace }).resources[0]
}
