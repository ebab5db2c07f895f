import type { FieldBlock } from '../hpack/field-block.ts'
import { FieldKind, kindOfField } from './field-kind.ts'
import { type HeadFacts, malformedHead, parseContentLength } from './head-facts.ts'
import { isFieldValue } from './octets.ts'

/** Judges the head of a response by RFC 9113 sections 8.2, 8.3.2 and 8.6. Of a block that is `tooLarge` only what is there is judged. */
export function judgeResponse({ names, values, tooLarge }: FieldBlock): HeadFacts {
  let status = 0
  let contentLength = -1
  for (let index = 0; index < names.length; index += 1) {
    const value = values[index] ?? ''
    switch (kindOfField(names[index] ?? '')) {
      case FieldKind.regular:
      case FieldKind.host:
        if (!isFieldValue(value)) return malformedHead
        break
      case FieldKind.contentLength:
        if (contentLength >= 0) return malformedHead
        contentLength = parseContentLength(value)
        if (contentLength < 0) return malformedHead
        break
      case FieldKind.status:
        // It stands alone, so that it must be the first.
        if (index > 0) return malformedHead
        status = parseStatus(value)
        if (status === 0) return malformedHead
        break
      default:
        return malformedHead
    }
  }
  if (status === 0 && !tooLarge) return malformedHead
  // Nothing can be switched to (section 8.6), and these have no content (RFC 9110 section 8.6).
  if (status === 101 || ((status === 204 || (status > 0 && status < 200)) && contentLength > 0)) return malformedHead
  return { wellFormed: true, contentLength, status, tunnel: false }
}

/** From 100 to 599; 0 for all else. */
function parseStatus(text: string): number {
  if (text.length !== 3) return 0
  const first = text.charCodeAt(0) - 0x30
  const second = text.charCodeAt(1) - 0x30
  const third = text.charCodeAt(2) - 0x30
  if (first < 1 || first > 5 || second < 0 || second > 9 || third < 0 || third > 9) return 0
  return first * 100 + second * 10 + third
}
