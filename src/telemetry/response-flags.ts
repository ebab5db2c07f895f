import { ResponseFlag } from './access-log-record.ts'

const names = Object.entries(ResponseFlag)
const known = new Map<number, string>([[0, '-']])

/** Short names of a set of response flags joined by `,`, in Envoy's order; `-` for none. */
export function responseFlagsText(flags: number): string {
  const text = known.get(flags)
  if (text !== undefined) return text
  const made = names
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name)
    .join(',')
  // The number of combinations that occur is small, but a bug must not let the cache grow.
  if (known.size < 1024) known.set(flags, made)
  return made
}
