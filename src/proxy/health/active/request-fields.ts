import type { HeaderEdits } from '../../route/index.ts'

/** Fields of a check's request, in order: those of the proxy, changed as the configuration says. Names are in lower case. */
export function requestFields(
  own: readonly (readonly [name: string, value: string])[],
  edits: HeaderEdits | undefined,
): readonly (readonly [name: string, value: string])[] {
  if (edits === undefined) return own
  const replaced = new Set([...edits.remove, ...edits.set.map(([name]) => name)])
  return [...own.filter(([name]) => !replaced.has(name)), ...edits.set, ...edits.add]
}
