import type { Head } from './head.ts'
import { HeadFault } from './head-fault.ts'
import { oddPathOctets, targetOctets, tokenOctets } from './octets.ts'
import { isAuthority, scanFields } from './scan-fields.ts'

const maxMethodBytes = 32

/**
 * Scans a request head from the first octet of `bytes`; call again with the same octets and more when it needs more.
 *
 * @returns The length of the head when it is complete, 0 when more bytes are needed, a `HeadFault` otherwise (RFC 9112,
 * strictly: one space between the parts of the request line, CRLF everywhere, exactly one `Host` in HTTP/1.1).
 */
export function scanRequestHead(head: Head, bytes: Uint8Array, length: number): number {
  if (!head.startLineDone) {
    const result = scanRequestLine(head, bytes, length)
    if (result <= 0) return result === 0 && length > head.limits.headBytes ? HeadFault.headBytes : result
    head.cursor = result
    head.startLineDone = true
  }
  const result = scanFields(head, bytes, length)
  return result > 0 ? checkRequest(head, bytes, result) : result
}

/** Returns the first octet after the line, 0 for more, a fault. */
function scanRequestLine(head: Head, bytes: Uint8Array, length: number): number {
  let at = 0
  // RFC 9112 section 2.2: one empty line before the request line is ignored.
  if (bytes[0] === 13) {
    if (length < 2) return 0
    if (bytes[1] !== 10) return HeadFault.lineEnd
    at = 2
  }
  head.start = at
  const methodLimit = at + maxMethodBytes
  while (at < length && tokenOctets[bytes[at] ?? 0] !== 0) at += 1
  if (at > methodLimit) return HeadFault.startLine
  if (at >= length) return 0
  if (at === head.start || bytes[at] !== 32) return HeadFault.startLine
  head.methodEnd = at
  at += 1
  head.targetStart = at
  at = scanTarget(head, bytes, at, length)
  if (at >= length) return 0
  if (bytes[at] !== 32 || at === head.targetStart) return HeadFault.target
  head.targetEnd = at
  return scanVersion(head, bytes, at + 1, length)
}

/** Scans a request target from `start` to its end, which is returned: the first octet that cannot be in one. Notes `queryMark` and `oddPath`. */
export function scanTarget(head: Head, bytes: Uint8Array, start: number, length: number): number {
  let at = start
  let odd = false
  let query = -1
  let previous = 0
  for (; at < length; at += 1) {
    const octet = bytes[at] ?? 0
    if (targetOctets[octet] !== 1) break
    if (query < 0) {
      if (octet === 63) query = at
      else if (oddPathOctets[octet] === 1 || (previous === 47 && (octet === 47 || octet === 46))) odd = true
      previous = octet
    }
  }
  head.oddPath = odd
  head.queryMark = query
  return at
}

/** `HTTP/1.1` or `HTTP/1.0` and CRLF. */
function scanVersion(head: Head, bytes: Uint8Array, at: number, length: number): number {
  const name = 'HTTP/'
  for (let index = 0; index < 5; index += 1) {
    if (at + index >= length) return 0
    if (bytes[at + index] !== name.charCodeAt(index)) return HeadFault.startLine
  }
  if (at + 8 > length) return 0
  const major = (bytes[at + 5] ?? 0) - 48
  const minor = (bytes[at + 7] ?? 0) - 48
  if (major < 0 || major > 9 || minor < 0 || minor > 9 || bytes[at + 6] !== 46) return HeadFault.startLine
  if (major !== 1 || minor > 1) return HeadFault.version
  if (at + 10 > length) return 0
  if (bytes[at + 8] !== 13) return bytes[at + 8] === 10 ? HeadFault.lineEnd : HeadFault.startLine
  if (bytes[at + 9] !== 10) return HeadFault.lineEnd
  head.minorVersion = minor
  return at + 10
}

/** What can be judged only when all fields are known. */
function checkRequest(head: Head, bytes: Uint8Array, end: number): number {
  if (head.encodings > 0) {
    if (head.contentLength >= 0) return HeadFault.lengthAndEncoding
    if (head.minorVersion === 0) return HeadFault.transferEncoding
  }
  if (head.hosts === 0 && head.minorVersion === 1) return HeadFault.host
  const first = bytes[head.targetStart]
  // Authority form belongs to CONNECT, and only to it.
  if (isConnect(head, bytes)) {
    if (!isHostAndPort(bytes, head.targetStart, head.targetEnd)) return HeadFault.target
    // RFC 9110 section 9.3.6: it has no content; one reader would take what is announced for content, another for the tunnel's.
    return head.contentLength > 0 || head.chunked ? HeadFault.connectContent : end
  }
  if (first === 47) return end
  const method = head.methodEnd - head.start
  if (first === 42) return head.targetEnd - head.targetStart === 1 && method === 7 ? end : HeadFault.target
  return schemeLength(head, bytes) > 0 ? end : HeadFault.target
}

/** The authority of CONNECT names its port (RFC 9112 section 3.2.3). */
function isHostAndPort(bytes: Uint8Array, start: number, end: number): boolean {
  let at = end
  while (at > start && (bytes[at - 1] ?? 0) >= 48 && (bytes[at - 1] ?? 0) <= 57) at -= 1
  const digits = end - at
  return digits > 0 && digits <= 5 && bytes[at - 1] === 58 && isAuthority(bytes, start, at - 1)
}

/** True for the CONNECT method. */
function isConnect(head: Head, bytes: Uint8Array): boolean {
  if (head.methodEnd - head.start !== 7) return false
  for (let index = 0; index < 7; index += 1) {
    if (bytes[head.start + index] !== 'CONNECT'.charCodeAt(index)) return false
  }
  return true
}

/** Length of `http://` or `https://` at the start of the target with a valid authority behind it; 0 when it is not an absolute form. */
export function schemeLength(head: Head, bytes: Uint8Array): number {
  const { targetStart, targetEnd } = head
  for (const scheme of ['http://', 'https://']) {
    let index = 0
    while (index < scheme.length && ((bytes[targetStart + index] ?? 0) | 0x20) === (scheme.charCodeAt(index) | 0x20))
      index += 1
    if (index < scheme.length) continue
    return isAuthority(bytes, targetStart + index, authorityEnd(bytes, targetStart + index, targetEnd)) ? index : 0
  }
  return 0
}

/** Where the authority of an absolute form ends: at `/`, `?` or the end of the target. */
export function authorityEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== 47 && bytes[at] !== 63) at += 1
  return at
}
