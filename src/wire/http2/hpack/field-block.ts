import type { HeadFacts } from '../message/head-facts.ts'

/**
 * A decoded field section, in the order of the wire. Octets are characters (Latin-1). Names and values are what the peer sent: that names are
 * lower-case tokens and pseudo-fields stand first is for the reader of messages to check (RFC 9113 section 8). Its
 * fields never change: blocks that come again are the same object.
 */
export interface FieldBlock {
  readonly names: readonly string[]
  readonly values: readonly string[]
  /** Positions of the fields that must never be indexed, on no hop (RFC 7541 section 6.2.3). */
  readonly sensitive: readonly number[]
  /** Decoded size of all fields, with those that were dropped: each counts its name, its value and 32. */
  readonly bytes: number
  /** A limit of the section was passed; fields are missing. The message must be refused: 431, or a reset of the stream. */
  readonly tooLarge: boolean
  /**
   * What two readers have worked out from the block, for when it comes again: the rules of messages, and whoever writes it down. Undefined until they
   * have; the only members that change.
   */
  facts: HeadFacts | undefined
  rendered: object | undefined
  /** The block may come again as this very object: working something out ahead pays. */
  remembered: boolean
}

/** Why a block cannot be decoded. All are connection errors: the dynamic table is lost. */
export type HpackFault =
  /** The block ends inside of a field. */
  | 'truncated'
  /** An integer is longer than any that can be meant. */
  | 'integer-too-large'
  /** An index is 0 or beyond the tables. */
  | 'index-unknown'
  /** A Huffman string is wrong, or wrongly padded. */
  | 'huffman'
  /** A table size is above what was allowed. */
  | 'table-size-too-large'
  /** A table size changes after a field, or too often. */
  | 'table-size-misplaced'
  /** The table size was lowered by settings, and the peer did not say that it obeys. */
  | 'table-size-not-lowered'
  /** More was decoded than `HpackLimits.decodedBytes`. The only fault that is to be answered by ENHANCE_YOUR_CALM. */
  | 'decoded-too-large'
