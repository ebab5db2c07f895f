import { DynamicTable, fieldOverhead } from './dynamic-table.ts'
import { staticCount, staticNames, staticValues } from './static-table.ts'

/** Where a name, and values of it, stand in the tables. */
interface NamePlace {
  /** First static index of the name; 0 if it has none. */
  readonly fixed: number
  /** Static index by value. */
  readonly fixedValues: ReadonlyMap<string, number>
  /** Serial number of the dynamic entry by value; the newest if there are several. */
  readonly values: Map<string, number>
  /** Serial number of the newest dynamic entry; 0 if there is none. */
  newest: number
}

const noValues: ReadonlyMap<string, number> = new Map()

/** Static index of each name, and of its values. */
const fixedPlaces: ReadonlyMap<string, { readonly fixed: number; readonly fixedValues: ReadonlyMap<string, number> }> =
  buildFixedPlaces()

function buildFixedPlaces(): Map<string, { fixed: number; fixedValues: Map<string, number> }> {
  const places = new Map<string, { fixed: number; fixedValues: Map<string, number> }>()
  for (let index = 1; index <= staticCount; index += 1) {
    const name = staticNames[index] ?? ''
    const place = places.get(name) ?? { fixed: index, fixedValues: new Map<string, number>() }
    places.set(name, place)
    if (!place.fixedValues.has(staticValues[index] ?? '')) place.fixedValues.set(staticValues[index] ?? '', index)
  }
  return places
}

/**
 * Both tables as an encoder needs them: from a field to its index. Entries are known by serial numbers, which do not change when
 * others are added; an index is the distance from the newest.
 */
export class EncoderIndex {
  readonly #table: DynamicTable
  readonly #places = new Map<string, NamePlace>()
  /** Serial number of the newest entry; the first is 1. */
  #serial = 0

  constructor(maxBytes: number) {
    this.#table = new DynamicTable(maxBytes)
  }

  /** Size that the dynamic entries may have together. */
  get maxBytes(): number {
    return this.#table.maxBytes
  }

  /** Index of the field; 0 if it has none. */
  field(name: string, value: string): number {
    const place = this.#place(name)
    if (place === undefined) return 0
    const fixed = place.fixedValues.get(value)
    if (fixed !== undefined) return fixed
    const serial = place.values.get(value)
    return serial === undefined ? 0 : this.indexOf(serial)
  }

  /** Index of the dynamic entry with this serial number; 0 if it is there no more. */
  indexOf(serial: number): number {
    const position = this.#serial - serial
    return position < this.#table.count ? staticCount + 1 + position : 0
  }

  /** Serial number of the dynamic entry of a field; 0 if there is none. */
  serialOf(name: string, value: string): number {
    return this.#places.get(name)?.values.get(value) ?? 0
  }

  /** Index of an entry with that name; 0 if there is none. */
  name(name: string): number {
    const place = this.#place(name)
    if (place === undefined) return 0
    if (place.fixed > 0) return place.fixed
    return place.newest === 0 ? 0 : this.indexOf(place.newest)
  }

  /** Adds a field as the peer's decoder will; one that is larger than the table empties it. */
  add(name: string, value: string): void {
    this.#evictTo(this.#table.maxBytes - (name.length + value.length + fieldOverhead))
    this.#table.add(name, value)
    if (this.#table.count === 0) return
    this.#serial += 1
    const place = this.#place(name) ?? { fixed: 0, fixedValues: noValues, values: new Map(), newest: 0 }
    this.#places.set(name, place)
    place.values.set(value, this.#serial)
    place.newest = this.#serial
  }

  /** Changes the size; evicts what no longer fits. */
  resize(maxBytes: number): void {
    this.#evictTo(maxBytes)
    this.#table.resize(maxBytes)
  }

  #place(name: string): NamePlace | undefined {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const fixed = fixedPlaces.get(name)
    if (fixed === undefined) return undefined
    // At most one for each static name.
    const place: NamePlace = { ...fixed, values: new Map(), newest: 0 }
    this.#places.set(name, place)
    return place
  }

  #evictTo(bytes: number): void {
    while (this.#table.bytes > bytes && this.#table.count > 0) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const position = this.#table.count - 1
    const name = this.#table.name(position)
    const value = this.#table.value(position)
    const serial = this.#serial - position
    const place = this.#places.get(name)
    this.#table.evict()
    if (place === undefined) return
    // A newer entry with the same field took its place in the map.
    if (place.values.get(value) === serial) place.values.delete(value)
    if (place.newest === serial) place.newest = 0
    if (place.fixed === 0 && place.newest === 0) this.#places.delete(name)
  }
}
