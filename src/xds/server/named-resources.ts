/**
 * Which of `names` an error message speaks of. A client that refuses some resources of a response says which only in
 * the text of `error_detail`; ours and Envoy's do name them.
 *
 * @returns The names found as whole words; empty when the message names none.
 */
export function namedResources(message: string, names: Iterable<string>): string[] {
  const found: string[] = []
  for (const name of names) {
    if (name !== '' && containsWhole(message, name)) found.push(name)
  }
  return found
}

function containsWhole(message: string, name: string): boolean {
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 1)) {
    if (!continuesBefore(message, at) && !continuesAfter(message, at + name.length)) return true
  }
  return false
}

/** Names hold dots, colons, bars and slashes, so a word boundary is not enough: `reviews` is not in `reviews.default`. */
function continuesBefore(message: string, at: number): boolean {
  return at > 0 && /[\w|/.-]/.test(message[at - 1] ?? '')
}

function continuesAfter(message: string, at: number): boolean {
  const next = message[at] ?? ''
  if (/[\w|/-]/.test(next)) return true
  return (next === '.' || next === ':') && /[\w|]/.test(message[at + 1] ?? '')
}
