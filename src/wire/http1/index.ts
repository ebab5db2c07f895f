/**
 * HTTP/1.1 messages on the wire (RFC 9110, RFC 9112): scanners of heads, decoding of chunked bodies, writing of heads. Pure,
 * no input or output: bytes in, positions and events out; resumable at every octet.
 *
 * A head is scanned once, where it was received; field names are known by number (`FieldTable`), values become strings
 * only when asked for. Everything that two parsers could read differently (both lengths, doubled hosts, folded lines, bare
 * line feeds, odd blanks) is a fault, never a guess. Knows nothing of connections or of what a field is for beyond framing.
 */
export { ChunkedDecoder, ChunkEvent, type ChunkLimits } from './chunked-decoder.ts'
export { FieldId, FieldTable, hashFieldName } from './field-table.ts'
export { framingHeaders } from './framing-headers.ts'
export { type BodyFraming, ConnectionOption, Head, type HeadLimits } from './head.ts'
export { HeadFault, statusOfHeadFault, textOfHeadFault } from './head-fault.ts'
export { HeadWriter } from './head-writer.ts'
export { scanFields } from './scan-fields.ts'
export { authorityEnd, scanRequestHead, scanTarget, schemeLength } from './scan-request.ts'
export { requestFraming, responseFraming, scanResponseHead } from './scan-response.ts'
