import { maxUint31, minMaxFrameBytes } from '../frames/frame-type.ts'
import { type Setting, SettingId } from '../frames/setting.ts'

/** Streams that a client opens before it knows what the server takes (RFC 9113 section 6.5.2 recommends that it is no less). */
const presumedStreams = 100

/** Size of all windows before any settings (RFC 9113 section 6.9.2). */
export const firstWindowBytes = 65_535

/** What the peer told by SETTINGS (RFC 9113 section 6.5.2, RFC 8441 section 3). */
export class PeerSettings {
  /** Its first SETTINGS have come. */
  received = false
  maxConcurrentStreams: number = presumedStreams
  /** What may be sent on a new stream, octets. */
  initialWindow: number = firstWindowBytes
  maxFrameBytes: number = minMaxFrameBytes
  /** It takes extended CONNECT. */
  enableConnectProtocol = false
  headerTableSize = 4096
  /** Only a hint. */
  maxHeaderListBytes: number = Number.POSITIVE_INFINITY

  /** Takes up one parameter, which `judgeSetting` let pass. False if it takes back what it must not. */
  take({ id, value }: Setting): boolean {
    switch (id) {
      case SettingId.headerTableSize:
        this.headerTableSize = value
        return true
      case SettingId.maxConcurrentStreams:
        this.maxConcurrentStreams = Math.min(value, maxUint31)
        return true
      case SettingId.initialWindowSize:
        this.initialWindow = value
        return true
      case SettingId.maxFrameSize:
        this.maxFrameBytes = value
        return true
      case SettingId.maxHeaderListSize:
        this.maxHeaderListBytes = value
        return true
      case SettingId.enableConnectProtocol:
        // RFC 8441 section 3.
        if (this.enableConnectProtocol && value === 0) return false
        this.enableConnectProtocol = value === 1
        return true
      default:
        return true
    }
  }

  /** After a whole SETTINGS frame: what it did not limit has no limit. */
  complete(limitsStreams: boolean): void {
    if (!this.received && !limitsStreams) this.maxConcurrentStreams = maxUint31
    this.received = true
  }
}
