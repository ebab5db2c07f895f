import type { Message } from './messages.ts'
import type { Outcome } from './run-case.ts'

/** What two outcomes can differ in, as the table of differences names it. */
export const aspects = [
  'responses',
  'status',
  'response fields',
  'response body',
  'connection',
  'upstream requests',
  'request line',
  'request fields',
  'request body',
] as const

/** One of them. */
export type Aspect = (typeof aspects)[number]

/** A field that differs everywhere, so that no single case is a difference by it. */
export interface IgnoredField {
  readonly direction: 'request' | 'response'
  readonly name: string
}

/** The outcome in a form that can be compared: one text or list for each aspect. */
export type Comparable = Readonly<Record<Aspect, unknown>>

/** Leaves out what no two runs have in common. */
export function toComparable(outcome: Outcome, ignored: readonly IgnoredField[]): Comparable {
  const requests = outcome.upstream.flatMap(({ messages }) => messages)
  const { responses } = outcome
  return {
    responses: responses.map(({ complete }) => (complete ? 'whole' : 'cut')),
    status: responses.map(({ start }) => start.slice(9, 12)),
    'response fields': responses.map((message) => toFieldList(message, 'response', ignored)),
    'response body': [...responses.map(({ body }) => body), outcome.rest],
    connection: outcome.connection,
    'upstream requests': requests.map(({ complete }) => (complete ? 'whole' : 'cut')),
    'request line': requests.map(({ start }) => start),
    'request fields': requests.map((message) => toFieldList(message, 'request', ignored)),
    'request body': [...requests.map(({ body }) => body), outcome.upstream.map(({ rest }) => rest).join('')],
  }
}

/** The aspects in which they differ. */
export function differingAspects(one: Comparable, other: Comparable): readonly Aspect[] {
  return aspects.filter((aspect) => JSON.stringify(one[aspect]) !== JSON.stringify(other[aspect]))
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Values of what is different each time. */
const volatile: ReadonlyMap<string, (value: string) => string> = new Map([
  // Tokens without regard to case.
  ['connection', (value) => value.toLowerCase()],
  ['date', (value) => (Math.abs(Date.parse(value) - Date.now()) < 3_600_000 ? 'now' : value)],
  ['x-request-id', (value) => (uuid.test(value) ? 'a UUID' : value)],
  ['x-envoy-upstream-service-time', (value) => (/^\d+$/.test(value) ? 'milliseconds' : value)],
])

/** Fields by name; values of the same name stay in order. Trailers stand behind a `trailer ` of their own. What is different each time is left out. */
export function toFieldList(
  message: Pick<Message, 'fields' | 'trailers'>,
  direction: IgnoredField['direction'],
  ignored: readonly IgnoredField[],
): string[] {
  const byName = new Map<string, string[]>()
  const note = (name: string, value: string): void => {
    const values = byName.get(name) ?? []
    byName.set(name, values)
    values.push(volatile.get(name)?.(value) ?? value)
  }
  for (const [name, value] of message.fields) {
    if (!ignored.some((field) => field.direction === direction && field.name === name)) note(name, value)
  }
  for (const [name, value] of message.trailers) note(`trailer ${name}`, value)
  // A list may be on one line or on several (RFC 9110 section 5.3).
  return [...byName].map(([name, values]) => `${name}: ${values.join(',').replaceAll(/\s*,\s*/g, ',')}`).sort()
}
