import { ErrorCode } from './error-code.ts'
import { FrameFlag, FrameType } from './frame-type.ts'

/** Set in a verdict when only the stream is in error; without it, it is the connection. */
export const streamScope = 0x100

const connectionSize = ErrorCode.frameSizeError
const streamSize = ErrorCode.frameSizeError | streamScope

/**
 * Judges a frame by its header alone (RFC 9113 section 6), before a payload is waited for.
 *
 * @returns An `ErrorCode`, with `streamScope` if only the stream is in error; `noError` if the frame may be read.
 */
export function judgeFrameHeader(
  header: { readonly type: number; readonly flags: number; readonly length: number; readonly streamId: number },
  maxLength: number,
): number {
  const { type, flags, length, streamId } = header
  const onStream = streamId !== 0
  switch (type) {
    case FrameType.data:
      if (!onStream) return ErrorCode.protocolError
      // Neither alters the state of the connection (section 4.2).
      return length > maxLength || length < leastLength(flags & FrameFlag.padded) ? streamSize : ErrorCode.noError
    case FrameType.headers:
      if (!onStream) return ErrorCode.protocolError
      return length > maxLength || length < leastLength(flags) ? connectionSize : ErrorCode.noError
    case FrameType.continuation:
      if (!onStream) return ErrorCode.protocolError
      return length > maxLength ? connectionSize : ErrorCode.noError
    case FrameType.priority:
      if (!onStream) return ErrorCode.protocolError
      return length === 5 ? ErrorCode.noError : streamSize
    case FrameType.rstStream:
      if (!onStream) return ErrorCode.protocolError
      return length === 4 ? ErrorCode.noError : connectionSize
    case FrameType.settings:
      if (onStream) return ErrorCode.protocolError
      return length > maxLength || !isSettingsLength(flags, length) ? connectionSize : ErrorCode.noError
    case FrameType.pushPromise:
      // A server never receives one; a client of ours always says that it takes none (sections 6.6, 8.4).
      return ErrorCode.protocolError
    case FrameType.ping:
      if (onStream) return ErrorCode.protocolError
      return length === 8 ? ErrorCode.noError : connectionSize
    case FrameType.goaway:
      if (onStream) return ErrorCode.protocolError
      return length > maxLength || length < 8 ? connectionSize : ErrorCode.noError
    case FrameType.windowUpdate:
      return length === 4 ? ErrorCode.noError : connectionSize
    default:
      // On which stream it would be an error is not known, as its meaning is not: the whole connection, as section 5.4.2 allows.
      return length > maxLength ? connectionSize : ErrorCode.noError
  }
}

/** Octets that the flags of DATA and HEADERS announce. */
function leastLength(flags: number): number {
  return ((flags & FrameFlag.padded) === 0 ? 0 : 1) + ((flags & FrameFlag.priority) === 0 ? 0 : 5)
}

function isSettingsLength(flags: number, length: number): boolean {
  return (flags & FrameFlag.ack) === 0 ? length % 6 === 0 : length === 0
}
