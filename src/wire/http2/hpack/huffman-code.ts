/** Symbols of the Huffman code: the 256 octets and the end of string. */
const symbols = 257

/** The end of string symbol (EOS); padding is its prefix, the symbol itself never appears. */
export const endOfString = 256

/** Length in bits of each octet's code (RFC 7541 appendix B), one base-36 digit each, in the order of the octets. */
const octetCodeLengths = [
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca',
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds',
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq',
].join('')

const endOfStringLength = 30

/** Length in bits of each symbol's code: 5 to 30. */
export const codeLengths: Uint8Array = Uint8Array.from({ length: symbols }, (_, symbol) =>
  symbol === endOfString ? endOfStringLength : Number.parseInt(octetCodeLengths.charAt(symbol), 36),
)

/**
 * Each symbol's code, aligned to the least significant bit. The code is canonical: codes of one length are consecutive
 * numbers in the order of their symbols, and follow on those of the shorter lengths; so the lengths say everything.
 */
export const codes: Uint32Array = assignCodes(codeLengths)

function assignCodes(lengths: Uint8Array): Uint32Array {
  const assigned = new Uint32Array(lengths.length)
  let next = 0
  for (let length = 1; length <= endOfStringLength; length += 1) {
    next *= 2
    for (let symbol = 0; symbol < lengths.length; symbol += 1) {
      if (lengths[symbol] !== length) continue
      assigned[symbol] = next
      next += 1
    }
  }
  return assigned
}
