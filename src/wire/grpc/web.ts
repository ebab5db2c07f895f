/** How a gRPC-Web call is framed: its messages as they are, or in base64. */
export type GrpcWebEncoding = 'binary' | 'text'

const encodings: ReadonlyMap<string, GrpcWebEncoding> = new Map([
  ['application/grpc-web', 'binary'],
  ['application/grpc-web+proto', 'binary'],
  ['application/grpc-web-text', 'text'],
  ['application/grpc-web-text+proto', 'text'],
])

/** The encoding of a `Content-Type` or `Accept` of gRPC-Web; undefined for other types. */
export function grpcWebEncoding(contentType: string): GrpcWebEncoding | undefined {
  return encodings.get(contentType)
}

/** First octet of the frame that stands for trailers (gRPC-Web, "Message framing"). */
const trailerFlag = 0x80

const prefixBytes = 5

/** The last frame of a response: its trailers, which come as field lines with the blank line behind them. */
export function encodeTrailerFrame(lines: Buffer): Buffer {
  let text = ''
  for (const line of lines.toString('latin1').split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) text += `${line.slice(0, colon).toLowerCase()}:${line.slice(colon + 1).trim()}\r\n`
  }
  const frame = Buffer.allocUnsafe(prefixBytes + text.length)
  frame[0] = trailerFlag
  frame.writeUInt32BE(text.length, 1)
  frame.write(text, prefixBytes, 'latin1')
  return frame
}

/** A piece of a body as text. Padded by itself, so that nothing of it waits for the next one; decoders take that. */
export function encodeWebText(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('base64'), 'latin1')
}

const groupLength = 4

const padding = 61

/** Decodes a body in base64 that comes in pieces, cut anywhere; padding may stand behind any group of four (RFC 4648 section 4). */
export class WebTextDecoder {
  /** Letters of a group that is not complete. */
  readonly #group = Buffer.alloc(groupLength)
  #held = 0

  /** Ready for another body. */
  reset(): void {
    this.#held = 0
  }

  /** True when nothing is missing. */
  get complete(): boolean {
    return this.#held === 0
  }

  /** What a piece brings, in memory of its own; undefined when it is no base64. */
  decode(bytes: Uint8Array, start: number, end: number): Buffer | undefined {
    const decoded = Buffer.allocUnsafe(Math.ceil((end - start + this.#held) / groupLength) * 3)
    let length = 0
    for (let at = start; at < end; at += 1) {
      this.#group[this.#held] = bytes[at] ?? 0
      this.#held += 1
      if (this.#held < groupLength) continue
      this.#held = 0
      const octets = this.#decodeGroup(decoded, length)
      if (octets === 0) return undefined
      length += octets
    }
    return decoded.subarray(0, length)
  }

  /** Octets of the complete group; 0 when it is none. */
  #decodeGroup(target: Buffer, at: number): number {
    const group = this.#group
    const padded = group[3] === padding ? (group[2] === padding ? 2 : 1) : 0
    let value = 0
    for (let index = 0; index < groupLength; index += 1) {
      const sextet = index < groupLength - padded ? (sextets[group[index] ?? 0] ?? -1) : 0
      if (sextet < 0) return 0
      value = value * 64 + sextet
    }
    target[at] = value >> 16
    if (padded < 2) target[at + 1] = (value >> 8) & 0xff
    if (padded < 1) target[at + 2] = value & 0xff
    return groupLength - 1 - padded
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Value of each letter; -1 for what is none. */
const sextets = new Int8Array(256).fill(-1)
for (let value = 0; value < alphabet.length; value += 1) sextets[alphabet.charCodeAt(value)] = value
