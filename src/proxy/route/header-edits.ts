import type { HeaderEdits } from './decision.ts'

/**
 * Merges edits that are applied one level after another into edits that are applied once, with the same result.
 *
 * Each level removes, then sets, then appends (Envoy's `HeaderParser`); a later level sees what the earlier ones did. So
 * for one name only what follows its last removal or setting counts. Undefined when nothing is edited.
 */
export function mergeHeaderEdits(levels: readonly (HeaderEdits | undefined)[]): HeaderEdits | undefined {
  const byName = new Map<string, NameEdits>()
  const edits = (name: string): NameEdits => {
    const known = byName.get(name)
    if (known !== undefined) return known
    const fresh: NameEdits = { replaces: false, values: [] }
    byName.set(name, fresh)
    return fresh
  }
  for (const level of levels) {
    if (level === undefined) continue
    for (const name of level.remove) Object.assign(edits(name), { replaces: true, values: [] })
    for (const [name, value] of level.set) Object.assign(edits(name), { replaces: true, values: [value] })
    for (const [name, value] of level.add) edits(name).values.push(value)
  }
  return byName.size === 0 ? undefined : toHeaderEdits(byName)
}

interface NameEdits {
  /** What the request carries is dropped first. */
  replaces: boolean
  values: string[]
}

function toHeaderEdits(byName: ReadonlyMap<string, NameEdits>): HeaderEdits {
  const remove: string[] = []
  const set: (readonly [string, string])[] = []
  const add: (readonly [string, string])[] = []
  for (const [name, { replaces, values }] of byName) {
    const [first, ...rest] = values
    if (replaces && first === undefined) remove.push(name)
    if (replaces && first !== undefined) set.push(Object.freeze([name, first] as const))
    for (const value of replaces ? rest : values) add.push(Object.freeze([name, value] as const))
  }
  return Object.freeze({ remove: Object.freeze(remove), set: Object.freeze(set), add: Object.freeze(add) })
}
