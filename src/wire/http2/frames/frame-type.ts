/** Types of frames (RFC 9113 section 6). */
export const FrameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const

/** Flags of frames; what one means depends on the type. */
export const FrameFlag = {
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const

/** Octets before each payload (RFC 9113 section 4.1). */
export const frameHeaderBytes = 9

/** What a client sends first (RFC 9113 section 3.4); a SETTINGS frame follows. */
export const connectionPreface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** Largest window, and largest identifier of a stream. */
export const maxUint31 = 0x7fff_ffff

/** Lower bound of `SETTINGS_MAX_FRAME_SIZE` (RFC 9113 section 6.5.2). */
export const minMaxFrameBytes = 16_384
/** Upper bound of `SETTINGS_MAX_FRAME_SIZE`. */
export const maxMaxFrameBytes = 16_777_215
