/** `grpc.health.v1.HealthCheckRequest` with its five-byte gRPC prefix. `service` is at most 16,000 characters. */
export function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** Field `status` of the one `grpc.health.v1.HealthCheckResponse` in a gRPC body; undefined when there is none, or it is malformed or compressed. */
export function decodeServingStatus(body: Buffer): number | undefined {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return undefined
  // An enum's default is not sent: an empty message is UNKNOWN.
  let status = 0
  let at = 5
  while (at < body.length) {
    const tag = readVarint(body, at)
    if (tag === undefined || tag.value < 8 || tag.value > maxTag) return undefined
    if (tag.value === statusTag) {
      const value = readVarint(body, tag.next)
      if (value === undefined || value.value > maxStatus) return undefined
      status = value.value
      at = value.next
    } else {
      const next = skipField(body, tag.next, tag.value & 7)
      if (next === undefined || next > body.length) return undefined
      at = next
    }
  }
  return status
}

/** Field 1, a number. */
const statusTag = 0x08

/** A tag has 32 bits. */
const maxTag = 0xffff_ffff

/** Numbers that the protocol has, and room for new ones. */
const maxStatus = 127

/** Position behind a field of another kind that a newer server may send. */
function skipField(body: Buffer, start: number, wireType: number): number | undefined {
  if (wireType === 1) return start + 8
  if (wireType === 5) return start + 4
  if (wireType !== 0 && wireType !== 2) return undefined
  const number = readVarint(body, start)
  if (number === undefined || wireType === 0) return number?.next
  return number.next + number.value
}

/** Octets of the longest number, of 64 bits. */
const maxVarintBytes = 10

function readVarint(body: Buffer, start: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0
  for (let index = 0; index < maxVarintBytes; index += 1) {
    const octet = body[start + index]
    if (octet === undefined) return undefined
    value += (octet & 0x7f) * 2 ** (7 * index)
    if (octet < 0x80) return { value, next: start + index + 1 }
  }
  return undefined
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest]
    bytes.push((rest & 0x7f) | 0x80)
  }
}
