/** Attempts for one input: enough for what a parser reads, and over within seconds. */
const maxAttempts = 400

/** Leaves out as much of an input as it can while `holds`: halves first, single octets last. */
export async function minimise(input: Buffer, holds: (input: Buffer) => Promise<boolean>): Promise<Buffer> {
  let least = input
  let attempts = 0
  for (let size = Math.ceil(least.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < least.length && attempts < maxAttempts;) {
      const shorter = Buffer.concat([least.subarray(0, at), least.subarray(at + size)])
      attempts += 1
      if (await holds(shorter)) least = shorter
      else at += size
    }
  }
  return least
}
