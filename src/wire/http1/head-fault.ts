/** What is wrong with a head: results of the scanners below zero. */
export const HeadFault = {
  startLine: -1,
  version: -2,
  target: -3,
  fieldName: -4,
  fieldValue: -5,
  lineEnd: -6,
  contentLength: -7,
  transferEncoding: -8,
  lengthAndEncoding: -9,
  host: -10,
  headBytes: -11,
  fieldCount: -12,
  fieldBytes: -13,
  connection: -14,
  expectation: -15,
  connectContent: -16,
} as const

const texts: readonly string[] = [
  '',
  'malformed start line',
  'unsupported HTTP version',
  'malformed request target',
  'malformed field name',
  'control character in a field value',
  'line does not end with CRLF',
  'malformed or contradicting content-length',
  'transfer-encoding is not exactly chunked',
  'both content-length and transfer-encoding',
  'host is missing, doubled or malformed',
  'head is too long',
  'too many fields',
  'field is too long',
  'malformed connection field',
  'unknown expectation',
  'content announced for CONNECT',
]

/** Status of the answer to a request with this fault: 400, 417, 431, 501 or 505. */
export function statusOfHeadFault(fault: number): number {
  switch (fault) {
    case HeadFault.version:
      return 505
    case HeadFault.headBytes:
    case HeadFault.fieldCount:
    case HeadFault.fieldBytes:
      return 431
    case HeadFault.expectation:
      return 417
    // RFC 9112 section 6.1: a transfer coding that is not understood.
    case HeadFault.transferEncoding:
      return 501
    default:
      return 400
  }
}

/** The fault in words, for logs. */
export function textOfHeadFault(fault: number): string {
  return texts[-fault] ?? 'malformed head'
}
