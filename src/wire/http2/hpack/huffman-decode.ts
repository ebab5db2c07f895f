import { codeLengths, codes, endOfString } from './huffman-code.ts'

/** Flags of an entry of the table: a symbol is complete; the input is wrong. */
const emits = 0x1_0000
const fails = 0x2_0000

/** Most octets that one encoded octet decodes to: the shortest code has five bits. */
const expansion = 8 / 5

/**
 * A machine that takes four bits at a time: its states are the inner nodes of the code tree, 256 of them. An entry holds the next
 * state (bits 0 to 7), the symbol that was completed (8 to 15) and flags. Four bits complete one symbol at most. 16 KiB,
 * which stay in the first-level cache; a table by octets would take 256 KiB.
 */
const machine = new Int32Array(256 * 16)

/** 1 for the states where a string may end: those reached by fewer than eight bits, all of them ones. */
const accepting = new Uint8Array(256)

buildMachine()

function buildMachine(): void {
  const children = buildTree()
  for (let state = 0; state < 256; state += 1) {
    for (let nibble = 0; nibble < 16; nibble += 1) machine[state * 16 + nibble] = entryOf(children, state, nibble)
  }
  let node = 0
  for (let depth = 0; depth < 8; depth += 1) {
    accepting[node] = 1
    node = children[node * 2 + 1] ?? 0
  }
}

/** Children of each inner node; a leaf is written as `-1 - symbol`. The root is node 0. */
function buildTree(): Int32Array {
  const children = new Int32Array(512)
  let nodes = 1
  for (let symbol = 0; symbol < codeLengths.length; symbol += 1) {
    const length = codeLengths[symbol] ?? 0
    const code = codes[symbol] ?? 0
    let node = 0
    for (let bit = length - 1; bit > 0; bit -= 1) {
      const edge = node * 2 + ((code >>> bit) & 1)
      if (children[edge] === 0) {
        children[edge] = nodes
        nodes += 1
      }
      node = children[edge] ?? 0
    }
    children[node * 2 + (code & 1)] = -1 - symbol
  }
  return children
}

function entryOf(children: Int32Array, state: number, nibble: number): number {
  let node = state
  let entry = 0
  for (let bit = 3; bit >= 0; bit -= 1) {
    node = children[node * 2 + ((nibble >>> bit) & 1)] ?? 0
    if (node >= 0) continue
    const symbol = -1 - node
    if (symbol === endOfString) return fails
    entry = emits | (symbol << 8)
    node = 0
  }
  return entry | node
}

/** Upper bound of the decoded length of `length` encoded octets. */
export function huffmanDecodedBound(length: number): number {
  return Math.ceil(length * expansion)
}

/**
 * Decodes `source[start..end)` into `target` from its beginning (RFC 7541 section 5.2).
 *
 * @returns The decoded length, which may exceed that of `target`: what does not fit is counted and not kept. -1 if the
 * string has the end of string symbol in it, or padding that is longer than seven bits or not all ones.
 */
export function huffmanDecode(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  const room = target.length
  let state = 0
  let length = 0
  for (let position = start; position < end; position += 1) {
    const octet = source[position] ?? 0
    let entry = machine[state * 16 + (octet >>> 4)] ?? fails
    if ((entry & emits) !== 0) {
      if (length < room) target[length] = entry >>> 8
      length += 1
    }
    // A wrong entry has no next state; the flag is looked at once for each octet, so it is carried over.
    const failed = entry & fails
    entry = machine[(entry & 0xff) * 16 + (octet & 0x0f)] ?? fails
    if (((failed | entry) & fails) !== 0) return -1
    if ((entry & emits) !== 0) {
      if (length < room) target[length] = entry >>> 8
      length += 1
    }
    state = entry & 0xff
  }
  return accepting[state] === 1 ? length : -1
}
