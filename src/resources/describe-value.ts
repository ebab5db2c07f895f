const longest = 60

/** Says what a user wrote, for `got`: `"many"`, `12`, `a list of 3`, `nothing`. Texts are quoted, escaped and cut. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  if (typeof value === 'object') {
    const keys = Object.keys(value)
    return keys.length === 0 ? 'an empty map' : `a map of ${clip(keys.slice(0, 4).join(', '))}`
  }
  if (typeof value === 'string') return JSON.stringify(clip(value))
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  return `a ${typeof value}`
}

function clip(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}...`
}
