/** True when the bytes hold every block, in this order, with anything between them (Envoy's `PayloadMatcher`). */
export function holdsPayload(bytes: Buffer, blocks: readonly Uint8Array[]): boolean {
  let at = 0
  for (const block of blocks) {
    const found = bytes.indexOf(block, at)
    if (found < 0) return false
    at = found + block.length
  }
  return true
}
