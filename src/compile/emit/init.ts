import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf'

/** Initial value of a message as a plain object, which may be spread and completed; never the message itself. */
export type Init<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, MessageShape<Desc>>
