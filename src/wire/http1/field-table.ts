import { tokenOctets } from './octets.ts'

/** Fields that the codec itself understands; extra names of a table get ids from `extra` upwards. */
export const FieldId = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  keepAlive: 7,
  proxyConnection: 8,
  te: 9,
  trailer: 10,
  extra: 11,
} as const

const ownNames: readonly string[] = [
  '',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'expect',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
]

const slotCount = 512

/** Hash of a field name, of its lower-case octets; the scanner computes the same while it checks them. */
export function hashFieldName(lowerCaseName: string): number {
  let hash = 0
  for (let index = 0; index < lowerCaseName.length; index += 1) {
    hash = (Math.imul(hash, 31) + lowerCaseName.charCodeAt(index)) | 0
  }
  return hash
}

/** True when `bytes[start..end)` is `lowerCaseName`, whatever the case of its letters. */
export function equalsFieldName(bytes: Uint8Array, start: number, end: number, lowerCaseName: string): boolean {
  if (end - start !== lowerCaseName.length) return false
  for (let index = 0; index < lowerCaseName.length; index += 1) {
    if (tokenOctets[bytes[start + index] ?? 0] !== lowerCaseName.charCodeAt(index)) return false
  }
  return true
}

/** Numbers the field names that someone reads or drops, so that the rest never becomes a string. Immutable. */
export class FieldTable {
  readonly names: readonly string[]
  readonly #hashes: Int32Array
  /** Id of the first name in a slot, and for each id the next one in the same slot. */
  readonly #slots = new Uint8Array(slotCount)
  readonly #next: Uint8Array

  /** @param extraNames Lower case; the first gets id `FieldId.extra`. At most 200. */
  constructor(extraNames: readonly string[] = []) {
    this.names = [...ownNames, ...extraNames]
    this.#hashes = Int32Array.from(this.names, hashFieldName)
    this.#next = new Uint8Array(this.names.length)
    for (let id = 1; id < this.names.length; id += 1) {
      const slot = slotOf(this.#hashes[id] ?? 0)
      this.#next[id] = this.#slots[slot] ?? 0
      this.#slots[slot] = id
    }
  }

  /** Id of the name in `bytes[start..end)` with the given hash; `FieldId.other` when it is none of the table's. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    let id = this.#slots[slotOf(hash)] ?? 0
    while (id !== 0) {
      if (this.#hashes[id] === hash && equalsFieldName(bytes, start, end, this.names[id] ?? '')) return id
      id = this.#next[id] ?? 0
    }
    return FieldId.other
  }
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 9) ^ (hash >>> 18)) & (slotCount - 1)
}
