/** Bounds of decoding field sections (RFC 7541). All sizes are octets; a field counts as its name, its value and 32. */
export interface HpackLimits {
  /** Largest dynamic table that a decoder keeps (`SETTINGS_HEADER_TABLE_SIZE`), and that an encoder fills. */
  readonly tableBytes: number
  /** Fields that a section may have together (`SETTINGS_MAX_HEADER_LIST_SIZE`); with more it is marked `tooLarge`. */
  readonly sectionBytes: number
  /**
   * Decoded size, dropped fields included, at which decoding of a block is given up; a fault of the connection. A section
   * between `sectionBytes` and this costs only its stream: its rest is decoded, as the dynamic table depends on it.
   */
  readonly decodedBytes: number
  /** Fields of a section; with more it is marked `tooLarge`. */
  readonly fieldCount: number
  /** Length of a name; a section with a longer one is marked `tooLarge`. */
  readonly nameBytes: number
  /** Length of a value; a section with a longer one is marked `tooLarge`. */
  readonly valueBytes: number
  /** Changes of the table size at the start of one block (RFC 7541 section 4.2 needs two); more is a fault. */
  readonly sizeUpdates: number
  /** Length of a block of indexed fields that is remembered. */
  readonly rememberedBlockBytes: number
  /** Blocks that are remembered, per connection; a power of two. */
  readonly rememberedBlocks: number
}

/** Bounds of reading frames (RFC 9113). All sizes are octets. */
export interface FrameLimits {
  /** Largest payload (`SETTINGS_MAX_FRAME_SIZE`), 16,384 to 16,777,215. */
  readonly frameBytes: number
  /** An encoded field block, HEADERS and CONTINUATION together; more is a fault of the connection. */
  readonly blockBytes: number
  /** CONTINUATION frames of one field block; more is a fault of the connection, whatever they hold. */
  readonly continuations: number
  /** HEADERS and CONTINUATION frames of a block one after the other that hold nothing; more is a fault of the connection. */
  readonly emptyFrames: number
  /** Parameters of one SETTINGS frame; more is a fault of the connection. */
  readonly settings: number
}

/** What holds when nothing else is said. Safe against a hostile peer. */
export const defaultHpackLimits: HpackLimits = {
  tableBytes: 4096,
  sectionBytes: 61_440,
  decodedBytes: 245_760,
  fieldCount: 100,
  nameBytes: 1024,
  valueBytes: 16_384,
  sizeUpdates: 2,
  rememberedBlockBytes: 64,
  rememberedBlocks: 32,
}

/** What holds when nothing else is said. Safe against a hostile peer. */
export const defaultFrameLimits: FrameLimits = {
  frameBytes: 16_384,
  blockBytes: 65_536,
  continuations: 16,
  emptyFrames: 1,
  settings: 32,
}

/** Bounds of one connection and its streams (RFC 9113). */
export interface SessionLimits {
  /** Streams at a time: what a server takes (`SETTINGS_MAX_CONCURRENT_STREAMS`), and what a client opens at most. */
  readonly maxConcurrentStreams: number
  /** What a peer may send on a stream ahead of `consume` (`SETTINGS_INITIAL_WINDOW_SIZE`), octets. */
  readonly streamWindowBytes: number
  /** What a peer may send on all streams together ahead of `consume`, octets; at least 65,535, which holds at the start. */
  readonly connectionWindowBytes: number
  /** Composed frames above which DATA waits and `sendData` answers false, octets. */
  readonly outputBytes: number
  /** Composed frames of any kind that make a connection fail, octets: a peer that makes us answer and does not read. */
  readonly outputOverflowBytes: number
  /** Capacity that the output buffer keeps when it is empty, octets. */
  readonly keptOutputBytes: number
  /** The same after `trim`: many connections are idle at a time. */
  readonly idleOutputBytes: number
  /** Payload of our DATA frames, octets, if the peer takes as much: how long one stream keeps others from their turn. */
  readonly dataFrameBytes: number
  /** PING, SETTINGS and RST_STREAM in `output`; more is a flood (Envoy `max_outbound_control_frames`). */
  readonly outboundControlFrames: number
  /** Frames of all types in `output`; more is a flood (Envoy `max_outbound_frames`). */
  readonly outboundFrames: number
  /** Empty DATA or HEADERS one after the other, without END_STREAM (Envoy `max_consecutive_inbound_frames_with_empty_payload`). */
  readonly emptyFrames: number
  /** PRIORITY frames for each stream that was opened, and one more (Envoy `max_inbound_priority_frames_per_stream`). */
  readonly priorityFramesPerStream: number
  /** WINDOW_UPDATE frames for each DATA frame that we sent (Envoy `max_inbound_window_update_frames_per_data_frame_sent`). */
  readonly windowUpdateFramesPerData: number
  /** Resets at once, by a client or for its faults, while their answers were not complete. */
  readonly resetBurst: number
  /** Such resets per second in the long run. */
  readonly resetsPerSecond: number
  /** Such resets that each stream with a complete answer adds to the budget: a proxy that gathers many clients passes on their cancellations. */
  readonly resetsPerCompleted: number
  /** SETTINGS at once. */
  readonly settingsBurst: number
  /** SETTINGS per second in the long run. */
  readonly settingsPerSecond: number
  /** Frames at once that no sound peer sends often: of unknown types, on streams that are over, faults of streams. */
  readonly glitchBurst: number
  /** Such frames per second in the long run. */
  readonly glitchesPerSecond: number
  /** DATA frames whose octets were not consumed yet, if they are small: each costs memory beyond its octets. */
  readonly smallDataFrames: number
  /** Octets per DATA frame, on the average, below which frames are small. */
  readonly smallDataBytes: number
  /** Responses 1xx before the response to a request. */
  readonly interimResponses: number
  /** Length of `:authority` and `host`: a name of 255 octets, a colon, a port. */
  readonly authorityBytes: number
  /** Streams that are over and still known, so that late frames on them are told from wrong ones; a power of two. */
  readonly closedStreams: number
}

/** What holds when nothing else is said. Safe against a hostile peer. */
export const defaultSessionLimits: SessionLimits = {
  maxConcurrentStreams: 100,
  streamWindowBytes: 65_536,
  connectionWindowBytes: 1_048_576,
  outputBytes: 65_536,
  outputOverflowBytes: 4_194_304,
  keptOutputBytes: 131_072,
  idleOutputBytes: 4096,
  dataFrameBytes: 16_384,
  outboundControlFrames: 1000,
  outboundFrames: 10_000,
  emptyFrames: 1,
  priorityFramesPerStream: 100,
  windowUpdateFramesPerData: 10,
  resetBurst: 100,
  resetsPerSecond: 33,
  resetsPerCompleted: 0.5,
  settingsBurst: 32,
  settingsPerSecond: 1,
  glitchBurst: 1000,
  glitchesPerSecond: 100,
  smallDataFrames: 16_384,
  smallDataBytes: 64,
  interimResponses: 16,
  authorityBytes: 261,
  closedStreams: 256,
}
