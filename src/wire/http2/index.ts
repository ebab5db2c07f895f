/**
 * HTTP/2 on the wire (RFC 9113, RFC 7541): field blocks to fields and back (`hpack/`), octets to frames and back (`frames/`). Pure, no input
 * or output, no clock: bytes in, events out; frames are resumable at every octet, blocks are decoded whole.
 *
 * octets -> FrameReader -> block -> HpackDecoder -> fields        fields -> HpackEncoder -> block -> FrameWriter -> octets
 *
 * A fault is the exact error code and scope that the RFC names, never a guess, and never thrown. Every bound has a name in
 * `limits.ts`. Knows nothing of streams and their states, of flow control, and of what a field means: that is for the owner of a connection.
 */
export { ErrorCode } from './frames/error-code.ts'
export { FrameEvent, FrameReader } from './frames/frame-reader.ts'
export { connectionPreface } from './frames/frame-type.ts'
export { FrameWriter } from './frames/frame-writer.ts'
export { type Role, type Setting, SettingId } from './frames/setting.ts'
export { HpackDecoder } from './hpack/decoder.ts'
export { HpackEncoder } from './hpack/encoder.ts'
export { type FieldBlock, type HpackFault } from './hpack/field-block.ts'
export { Indexing, indexingOf } from './hpack/indexing-policy.ts'
export { type FrameLimits, type HpackLimits } from './limits.ts'
