/** Version of HTTP that the first bytes of a connection speak. */
export type HttpVersion = 'http/1.0' | 'http/1.1' | 'h2c'

const preface = new TextEncoder().encode('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

const blank = 32
const lineFeed = 10
const carriageReturn = 13

/**
 * Tells whether a connection begins with the preface of HTTP/2 or with a request line of HTTP/1 (Envoy `http_inspector`). An answer
 * other than `incomplete` stays the same whatever follows. Whether the request is well formed is for its server to say.
 *
 * @param limit Longest request line, octets.
 */
export function detectHttp(bytes: Uint8Array, limit: number): HttpVersion | 'incomplete' | 'other' {
  let same = 0
  while (same < preface.length && bytes[same] === preface[same]) same += 1
  if (same === preface.length) return 'h2c'
  if (same === bytes.length) return 'incomplete'
  return detectRequestLine(bytes, limit)
}

function detectRequestLine(bytes: Uint8Array, limit: number): HttpVersion | 'incomplete' | 'other' {
  let at = 0
  // Empty lines before a request are passed over (RFC 9112 section 2.2).
  while (at < bytes.length && (bytes[at] === carriageReturn || bytes[at] === lineFeed)) at += 1
  const line = at
  for (; at < bytes.length && bytes[at] !== blank; at += 1) if (!isToken(bytes[at] ?? 0)) return 'other'
  if (at === line && at < bytes.length) return 'other'
  for (at += 1; at < bytes.length && bytes[at] !== lineFeed; at += 1) {
    const octet = bytes[at] ?? 0
    if ((octet < blank && octet !== carriageReturn) || octet === 127) return 'other'
  }
  if (Math.min(at, bytes.length) > limit) return 'other'
  if (at >= bytes.length) return 'incomplete'
  const end = bytes[at - 1] === carriageReturn ? at - 1 : at
  const text = String.fromCharCode(...bytes.subarray(line, end))
  const version = /^\S+ \S+ HTTP\/1\.([01])$/.exec(text)?.[1]
  if (version === undefined) return 'other'
  return version === '0' ? 'http/1.0' : 'http/1.1'
}

/** Letters and the signs that names of methods may hold (RFC 9110 section 5.6.2). */
function isToken(octet: number): boolean {
  if (octet >= 128) return false
  return /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(octet))
}
