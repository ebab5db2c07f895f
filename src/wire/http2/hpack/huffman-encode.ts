import { codeLengths, codes } from './huffman-code.ts'

/**
 * Octets that `text` takes when encoded, padding included.
 *
 * @returns -1 if a character is no octet (above U+00FF).
 */
export function huffmanEncodedLength(text: string): number {
  let bits = 0
  let all = 0
  for (let index = 0; index < text.length; index += 1) {
    const octet = text.charCodeAt(index)
    all |= octet
    bits += codeLengths[octet] ?? 0
  }
  return all > 0xff ? -1 : (bits + 7) >>> 3
}

/**
 * Encodes `text` into `target` from `position` on, padded with ones (RFC 7541 section 5.2). There must be room.
 *
 * @returns The position behind the last octet.
 */
export function huffmanEncode(text: string, target: Uint8Array, position: number): number {
  let at = position
  // Bits not yet written, at most seven between two symbols: with a code of 30 bits they outgrow 32, so long codes go in two parts.
  let pending = 0
  let count = 0
  for (let index = 0; index < text.length; index += 1) {
    const octet = text.charCodeAt(index)
    let length = codeLengths[octet] ?? 0
    let code = codes[octet] ?? 0
    if (length > 16) {
      const low = length - 16
      pending = (pending << 16) | (code >>> low)
      target[at] = pending >>> (count + 8)
      target[at + 1] = pending >>> count
      at += 2
      code &= (1 << low) - 1
      length = low
    }
    pending = (pending << length) | code
    count += length
    while (count >= 8) {
      count -= 8
      target[at] = pending >>> count
      at += 1
    }
  }
  if (count > 0) {
    target[at] = (pending << (8 - count)) | (0xff >>> count)
    at += 1
  }
  return at
}
