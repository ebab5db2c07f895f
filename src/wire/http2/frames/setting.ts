import { ErrorCode } from './error-code.ts'
import { maxMaxFrameBytes, maxUint31, minMaxFrameBytes } from './frame-type.ts'

/** Identifiers of settings (RFC 9113 section 6.5.2, RFC 8441 section 3). Unknown ones are to be ignored. */
export const SettingId = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const

/** One parameter of a SETTINGS frame. */
export interface Setting {
  readonly id: number
  /** Unsigned, 32 bits. */
  readonly value: number
}

/** Which end of a connection reads. */
export type Role = 'server' | 'client'

/** The error code of the connection error that a value is (RFC 9113 section 6.5.2); `noError` if it is allowed. */
export function judgeSetting({ id, value }: Setting, reader: Role): number {
  switch (id) {
    case SettingId.enablePush:
      // A server must not offer to be pushed to.
      return value > (reader === 'client' ? 0 : 1) ? ErrorCode.protocolError : ErrorCode.noError
    case SettingId.initialWindowSize:
      return value > maxUint31 ? ErrorCode.flowControlError : ErrorCode.noError
    case SettingId.maxFrameSize:
      return value < minMaxFrameBytes || value > maxMaxFrameBytes ? ErrorCode.protocolError : ErrorCode.noError
    case SettingId.enableConnectProtocol:
      return value > 1 ? ErrorCode.protocolError : ErrorCode.noError
    default:
      return ErrorCode.noError
  }
}
