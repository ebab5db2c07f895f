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
  rememberedBlocks: 8,
}

/** What holds when nothing else is said. Safe against a hostile peer. */
export const defaultFrameLimits: FrameLimits = {
  frameBytes: 16_384,
  blockBytes: 65_536,
  continuations: 16,
  settings: 32,
}
