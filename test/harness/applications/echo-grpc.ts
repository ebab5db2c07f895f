/** The gRPC service of the applications beside this file, with JSON for messages: no generated code, the wire is gRPC's all the same. */
import type { MethodDefinition } from '@grpc/grpc-js'

/** What is asked. */
export interface EchoRequest {
  readonly text: string
  /** The method waits so long before it answers, milliseconds. */
  readonly delayMs: number
  /** It fails with this status; 0 answers. */
  readonly status: number
  /** So many calls with this text fail first, with status UNAVAILABLE. */
  readonly failures: number
}

/** What comes back. */
export interface EchoReply {
  readonly pod: string
  readonly version: string
  readonly text: string
  readonly authority: string
  readonly metadata: Readonly<Record<string, string>>
}

/** Every method takes and gives the same messages. */
export type EchoMethod = MethodDefinition<EchoRequest, EchoReply>

function toBytes(message: object): Buffer {
  return Buffer.from(JSON.stringify(message))
}

function method(name: string, requestStream: boolean, responseStream: boolean): EchoMethod {
  return {
    path: `/weft.test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: toBytes,
    requestDeserialize: (bytes): EchoRequest => JSON.parse(bytes.toString()),
    responseSerialize: toBytes,
    responseDeserialize: (bytes): EchoReply => JSON.parse(bytes.toString()),
  }
}

/** One call of each kind. */
export const echoService = {
  /** One message, one reply. */
  Say: method('Say', false, false),
  /** One message, a reply for each of its letters. */
  Spell: method('Spell', false, true),
  /** Many messages, one reply with all their texts. */
  Join: method('Join', true, false),
  /** A reply to each message, as it comes. */
  Chat: method('Chat', true, true),
} as const
