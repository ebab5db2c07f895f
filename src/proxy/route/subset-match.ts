/** `metadata_match` of a route: the subset of hosts that its requests want. Made once, when configuration is compiled. */
export interface SubsetMatch {
  /** Names the subset: equal for equal entries. */
  readonly key: string
  /** Metadata keys in order, with their values as canonical JSON. */
  readonly entries: readonly (readonly [key: string, value: string])[]
}

/** The subset of hosts with these values in their `envoy.lb` metadata. */
export function createSubsetMatch(fields: Readonly<Record<string, unknown>>): SubsetMatch {
  return subsetOf(Object.entries(fields).map(([key, value]) => [key, canonicalJson(value)]))
}

/** The subset of these entries, in any order; values as of {@link canonicalJson}. */
export function subsetOf(entries: readonly (readonly [key: string, value: string])[]): SubsetMatch {
  const sorted = entries.toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
  return Object.freeze({ key: JSON.stringify(sorted), entries: Object.freeze(sorted) })
}

/** JSON with the keys of objects in order: equal texts are equal values. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`
}
