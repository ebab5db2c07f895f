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
    const tag = body[at] ?? 0
    at += 1
    if (tag === 0x08) {
      const value = body[at] ?? 0x80
      if (value >= 0x80) return undefined
      status = value
      at += 1
    } else {
      const next = skipField(body, at, tag & 7)
      if (next === undefined) return undefined
      at = next
    }
  }
  return status
}

/** Position behind a field of another kind that a newer server may send. */
function skipField(body: Buffer, start: number, wireType: number): number | undefined {
  if (wireType === 1) return start + 8
  if (wireType === 5) return start + 4
  let at = start
  while (at < body.length && (body[at] ?? 0) >= 0x80) at += 1
  if (at >= body.length) return undefined
  if (wireType === 0) return at + 1
  // Longer than what fits into one byte is no field that this message will ever have.
  return wireType === 2 && at === start ? at + 1 + (body[at] ?? 0) : undefined
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest]
    bytes.push((rest & 0x7f) | 0x80)
  }
}
