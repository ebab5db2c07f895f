/**
 * HTTP/2 on the wire (RFC 9113, RFC 7541): field blocks to fields and back (`hpack/`), octets to frames and back (`frames/`), fields to
 * well-formed messages (`message/`), and a whole connection with its streams, windows and budgets (`session/`). Pure, no input or output,
 * no clock but the one it is handed: bytes in, events out; resumable at every octet.
 *
 * octets -> FrameReader -> block -> HpackDecoder -> fields -> rules -> StreamOwner     (all of it: Http2Session.receive)
 * StreamOwner -> HpackEncoder -> block -> FrameWriter -> octets                        (Http2Session.output)
 *
 * A fault is the exact error code and scope that the RFC names, never a guess, and never thrown. Every bound has a name in
 * `limits.ts`. Knows nothing of what a message is for, and of sockets: that is for the owner of a connection.
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
export { defaultSessionLimits, type FrameLimits, type HpackLimits, type SessionLimits } from './limits.ts'
export { type SessionOwner, type StreamOwner } from './session/contract.ts'
export { type PeerSettings } from './session/peer-settings.ts'
export { Http2Session, type SessionOptions } from './session/session.ts'
export { Http2Stream } from './session/stream.ts'
