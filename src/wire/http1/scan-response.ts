import type { BodyFraming, Head } from './head.ts'
import { HeadFault } from './head-fault.ts'
import { valueOctets } from './octets.ts'
import { scanFields } from './scan-fields.ts'

/**
 * Scans a response head from the first octet of `bytes`; call again with the same octets and more when it needs more.
 *
 * @returns The length of the head when it is complete, 0 when more bytes are needed, a `HeadFault` otherwise.
 */
export function scanResponseHead(head: Head, bytes: Uint8Array, length: number): number {
  if (!head.startLineDone) {
    const result = scanStatusLine(head, bytes, length)
    if (result <= 0) return result === 0 && length > head.limits.headBytes ? HeadFault.headBytes : result
    head.cursor = result
    head.startLineDone = true
  }
  const result = scanFields(head, bytes, length)
  if (result <= 0) return result
  // RFC 9112 section 6.3: these have no body, and an upstream that announces one is not to be trusted about its end.
  if ((head.status < 200 || head.status === 204) && (head.encodings > 0 || head.contentLength > 0))
    return HeadFault.contentLength
  if (head.encodings === 0) return result
  if (head.contentLength >= 0) return HeadFault.lengthAndEncoding
  return head.minorVersion === 0 ? HeadFault.transferEncoding : result
}

/** `HTTP/1.x`, a status from 100 to 599, and a reason that may be missing. `targetStart..targetEnd` is status and reason. */
function scanStatusLine(head: Head, bytes: Uint8Array, length: number): number {
  const version = 'HTTP/1.'
  for (let index = 0; index < 7; index += 1) {
    if (index >= length) return 0
    if (bytes[index] !== version.charCodeAt(index)) return HeadFault.startLine
  }
  if (length < 14) return 0
  const minor = (bytes[7] ?? 0) - 48
  if (minor !== 0 && minor !== 1) return HeadFault.version
  if (bytes[8] !== 32) return HeadFault.startLine
  let status = 0
  for (let at = 9; at < 12; at += 1) {
    const digit = (bytes[at] ?? 0) - 48
    if (digit < 0 || digit > 9) return HeadFault.startLine
    status = status * 10 + digit
  }
  if (status < 100 || status > 599) return HeadFault.startLine
  let at = 12
  if (bytes[at] === 32) while (at < length && valueOctets[bytes[at] ?? 0] === 1) at += 1
  if (at + 1 >= length) return 0
  if (bytes[at] !== 13) return bytes[at] === 10 ? HeadFault.lineEnd : HeadFault.startLine
  if (bytes[at + 1] !== 10) return HeadFault.lineEnd
  head.minorVersion = minor
  head.status = status
  head.targetStart = 9
  head.targetEnd = at
  return at + 2
}

/** Framing of a request body (RFC 9112 section 6.3): a request without length and encoding has none. */
export function requestFraming(head: Head): BodyFraming {
  if (head.chunked) return 'chunked'
  return head.contentLength > 0 ? 'length' : 'none'
}

/** Framing of a response body (RFC 9112 section 6.3). */
export function responseFraming(head: Head, toHeadRequest: boolean): BodyFraming {
  const { status } = head
  if (toHeadRequest || status < 200 || status === 204 || status === 304) return 'none'
  if (head.chunked) return 'chunked'
  if (head.contentLength < 0) return 'until-close'
  return head.contentLength === 0 ? 'none' : 'length'
}
