/** A `grpc-message` of these octets: what is not printable ASCII, and `%`, as `%XX` (gRPC over HTTP2, Percent-Encoded). */
export function encodeGrpcMessage(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) {
    const plain = octet >= 0x20 && octet <= 0x7e && octet !== 0x25
    text += plain ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

/** Reads `grpc-message`: octets beyond printable ASCII are percent-encoded UTF-8; what is not is taken as it stands. */
export function decodeGrpcMessage(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // A stray percent sign: a message is for people, not worth a failure.
  }
}
