import { FieldId, FieldTable, Head, type HeadWriter, scanFields } from '../../wire/http1/index.ts'

/** Fields that mean nothing, or too much, when they come behind the body (RFC 9110 section 6.5.1). */
const forbidden = [
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'max-forwards',
  'proxy-authorization',
  'set-cookie',
  'x-forwarded-client-cert',
  'x-forwarded-for',
  'x-forwarded-proto',
]

const table = new FieldTable(forbidden)

/** Every name that the table knows, the codec's own among them. */
const dropped = new Uint8Array(FieldId.extra + forbidden.length).fill(1, FieldId.host)

/** Writes trailer lines anew, without those that may not be trailers; a section that is not well formed is left out whole. */
export function writeTrailers(writer: HeadWriter, lines: Buffer, maxFields: number): void {
  const head = new Head(table, { headBytes: lines.length, fieldCount: maxFields, fieldBytes: lines.length })
  head.bytes = lines
  if (scanFields(head, lines, lines.length) !== lines.length) return
  writer.fields(head, dropped)
}
