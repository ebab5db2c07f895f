import { type IgnoredField, toFieldList } from '../http/compare.ts'
import type { RawField, SeenStream } from '../../harness/frame-peer.ts'
import type { Http2Outcome } from './run-case.ts'

/** What two outcomes can differ in, as the table of differences names it. */
export const http2Aspects = [
  'interim responses',
  'status',
  'response fields',
  'response body',
  'end of stream',
  'connection',
  'upstream requests',
  'request line',
  'request fields',
  'request body',
  'log',
  'counters',
] as const

/** One of them. */
export type Http2Aspect = (typeof http2Aspects)[number]

/** What the proxy itself says of a case. */
export interface Telling {
  /** Lines of its access log: status, flags, details. */
  readonly log: readonly string[]
  readonly counters: Readonly<Record<string, number>>
}

/** The outcome in a form that can be compared. */
export type Http2Comparable = Readonly<Record<Http2Aspect, unknown>>

/** Leaves out what no two runs have in common. */
export function toComparable(
  { streams, connection, http1, http2 }: Http2Outcome,
  { log, counters }: Telling,
  ignored: readonly IgnoredField[],
): Http2Comparable {
  const messages = http1.flatMap((reading) => reading.messages)
  const finals = streams.map(({ heads }) => heads.filter((head) => !isInterim(head)).at(-1) ?? [])
  return {
    'interim responses': streams.map(({ heads }) => heads.filter(isInterim).length),
    status: finals.map((head) => valueOf(head, ':status')),
    'response fields': finals.map((head, index) => fields(head, streams[index], 'response', ignored)),
    'response body': streams.map(({ body }) => body),
    'end of stream': streams.map(({ end }) => end ?? 'open'),
    connection,
    'upstream requests': [
      ...messages.map(({ complete }) => (complete ? 'whole' : 'cut')),
      ...http2.map(({ end }) => end ?? 'open'),
    ],
    'request line': [
      ...messages.map(({ start }) => start),
      ...http2.map(({ heads: [head = []] }) =>
        head
          .filter(([name]) => name.startsWith(':'))
          .map(([, value]) => value)
          .sort(),
      ),
    ],
    'request fields': [
      ...messages.map((message) => toFieldList(message, 'request', ignored)),
      ...http2.map((stream) => fields(stream.heads[0] ?? [], stream, 'request', ignored)),
    ],
    'request body': [
      ...messages.map(({ body }) => body),
      ...http2.map(({ body }) => body),
      ...http1.map(({ rest }) => rest).filter((rest) => rest !== ''),
    ],
    // What a peer did wrong is told in words of one's own.
    log: log.map((line) => line.replace(/ DPE .*/, ' DPE')).sort(),
    counters,
  }
}

/** The aspects in which they differ. */
export function differingAspects(one: Http2Comparable, other: Http2Comparable): readonly Http2Aspect[] {
  return http2Aspects.filter((aspect) => JSON.stringify(one[aspect]) !== JSON.stringify(other[aspect]))
}

function isInterim(head: readonly RawField[]): boolean {
  return valueOf(head, ':status').startsWith('1')
}

function valueOf(head: readonly RawField[], name: string): string {
  return head.find(([other]) => other === name)?.[1] ?? ''
}

function fields(
  head: readonly RawField[],
  stream: SeenStream | undefined,
  direction: IgnoredField['direction'],
  ignored: readonly IgnoredField[],
): string[] {
  const regular = head.filter(([name]) => !name.startsWith(':'))
  return toFieldList({ fields: regular, trailers: stream?.trailers ?? [] }, direction, ignored)
}
