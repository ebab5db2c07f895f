import { FieldId } from './field-table.ts'
import { ConnectionOption, type Head } from './head.ts'
import { HeadFault } from './head-fault.ts'
import { authorityOctets, tokenOctets, valueOctets } from './octets.ts'

const CR = 13
const LF = 10

/**
 * Scans field lines from `head.cursor` up to and including the blank line.
 *
 * @returns The length of the head when it is complete, 0 when more bytes are needed, a `HeadFault` otherwise. Obsolete line
 * folding, blanks before the colon, bare CR or LF and control characters are faults (RFC 9112 sections 2.2, 5.1 and 5.2).
 */
export function scanFields(head: Head, bytes: Uint8Array, length: number): number {
  const { fieldBytes, fieldCount, headBytes } = head.limits
  let line = head.cursor
  for (;;) {
    head.cursor = line
    if (line >= length) break
    if (bytes[line] === CR) {
      if (line + 1 >= length) break
      if (bytes[line + 1] !== LF) return HeadFault.lineEnd
      head.end = line + 2
      return head.end > headBytes ? HeadFault.headBytes : head.end
    }
    let at = line
    let hash = 0
    for (; at < length; at += 1) {
      const lower = tokenOctets[bytes[at] ?? 0] ?? 0
      if (lower === 0) break
      hash = (Math.imul(hash, 31) + lower) | 0
    }
    if (at >= length) break
    if (at === line || bytes[at] !== 58) return bytes[at] === LF ? HeadFault.lineEnd : HeadFault.fieldName
    const nameEnd = at
    at += 1
    while (at < length && (bytes[at] === 32 || bytes[at] === 9)) at += 1
    const valueStart = at
    while (at < length && valueOctets[bytes[at] ?? 0] === 1) at += 1
    if (at + 1 >= length) {
      if (at < length && bytes[at] !== CR) return bytes[at] === LF ? HeadFault.lineEnd : HeadFault.fieldValue
      break
    }
    if (bytes[at] !== CR) return bytes[at] === LF ? HeadFault.lineEnd : HeadFault.fieldValue
    if (bytes[at + 1] !== LF) return HeadFault.lineEnd
    if (at - line > fieldBytes) return HeadFault.fieldBytes
    if (head.count >= fieldCount) return HeadFault.fieldCount
    let valueEnd = at
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === 32 || bytes[valueEnd - 1] === 9)) valueEnd -= 1
    const id = head.table.find(hash, bytes, line, nameEnd)
    if (id !== FieldId.other && id <= FieldId.upgrade) {
      const fault = noteField(head, id, bytes, valueStart, valueEnd)
      if (fault !== 0) return fault
    }
    head.push(line, nameEnd, valueStart, valueEnd, hash, id)
    line = at + 2
  }
  if (length > headBytes) return HeadFault.headBytes
  // A line may be as long as the limit, and its CR can be there before its LF.
  return length - line > fieldBytes + 1 ? HeadFault.fieldBytes : 0
}

/** Remembers what a framing field says. */
function noteField(head: Head, id: number, bytes: Uint8Array, start: number, end: number): number {
  switch (id) {
    case FieldId.contentLength:
      return noteContentLength(head, bytes, start, end)
    case FieldId.transferEncoding:
      head.encodings += 1
      if (head.encodings > 1 || !equalsToken(bytes, start, end, 'chunked')) return HeadFault.transferEncoding
      head.chunked = true
      return 0
    case FieldId.connection:
      return noteConnection(head, bytes, start, end)
    case FieldId.host:
      head.hosts += 1
      head.hostIndex = head.count
      return head.hosts > 1 || !isAuthority(bytes, start, end) ? HeadFault.host : 0
    case FieldId.expect:
      if (!equalsToken(bytes, start, end, '100-continue')) return HeadFault.expectation
      head.expectsContinue = true
      return 0
    default:
      head.upgradeIndex = head.count
      return 0
  }
}

/** Digits only, at most 15 of them, and once: a repetition is refused even when it is equal (RFC 9110 section 8.6 leaves the choice). */
function noteContentLength(head: Head, bytes: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > 15) return HeadFault.contentLength
  let value = 0
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - 48
    if (digit < 0 || digit > 9) return HeadFault.contentLength
    value = value * 10 + digit
  }
  if (head.contentLength >= 0) return HeadFault.contentLength
  head.contentLength = value
  return 0
}

/** A list of tokens; `close`, `keep-alive` and `upgrade` are noted, another name marks a field as hop-by-hop, which `Host` never is. */
function noteConnection(head: Head, bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    while (at < end && (bytes[at] === 32 || bytes[at] === 9 || bytes[at] === 44)) at += 1
    const token = at
    while (at < end && tokenOctets[bytes[at] ?? 0] !== 0) at += 1
    if (at === token) return at < end ? HeadFault.connection : 0
    if (equalsToken(bytes, token, at, 'close')) head.connection |= ConnectionOption.close
    else if (equalsToken(bytes, token, at, 'keep-alive')) head.connection |= ConnectionOption.keepAlive
    else if (equalsToken(bytes, token, at, 'upgrade')) head.connection |= ConnectionOption.upgrade
    else if (equalsToken(bytes, token, at, 'host')) return HeadFault.connection
    else head.connection |= ConnectionOption.named
    while (at < end && (bytes[at] === 32 || bytes[at] === 9)) at += 1
    if (at < end && bytes[at] !== 44) return HeadFault.connection
  }
  return 0
}

/** True when `bytes[start..end)` is a non-empty authority without user information. */
export function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (authorityOctets[bytes[at] ?? 0] !== 1) return false
  return end > start
}

/** Compares without regard to the case of letters; `lowerCase` holds token characters only. */
function equalsToken(bytes: Uint8Array, start: number, end: number, lowerCase: string): boolean {
  if (end - start !== lowerCase.length) return false
  for (let index = 0; index < lowerCase.length; index += 1) {
    if (tokenOctets[bytes[start + index] ?? 0] !== lowerCase.charCodeAt(index)) return false
  }
  return true
}
