/** What the rules of messages found in a head. */
export interface HeadFacts {
  /** RFC 9113 section 8 is kept. Nothing else holds if it is not. */
  readonly wellFormed: boolean
  /** -1 when it is not told. */
  readonly contentLength: number
  /** Of a response; 0 for a request. */
  readonly status: number
  /** CONNECT, also extended: what follows is no content of a message. */
  readonly tunnel: boolean
}

/** A head that breaks a rule. */
export const malformedHead: HeadFacts = { wellFormed: false, contentLength: -1, status: 0, tunnel: false }

/** Digits in a `content-length` at most: the number stays exact. */
const maxLengthDigits = 15

/** A `content-length` (RFC 9110 section 8.6), digits only; -1 if it is none. */
export function parseContentLength(text: string): number {
  if (text.length === 0 || text.length > maxLengthDigits) return -1
  let value = 0
  for (let index = 0; index < text.length; index += 1) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
