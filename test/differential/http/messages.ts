/**
 * A reader of HTTP/1.1 messages that shares nothing with the proxy: it cuts what a peer received into messages and tells
 * when their octets are not the plain canonical form that any other parser would read the same way.
 */

/** A message as a peer received it. */
export interface Message {
  /** Request or status line. */
  readonly start: string
  /** In the order received, names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly framing: 'none' | 'length' | 'chunked' | 'until-close'
  readonly body: string
  readonly trailers: readonly (readonly [name: string, value: string])[]
  readonly complete: boolean
}

/** What the octets received on one connection are. */
export interface Reading {
  readonly messages: readonly Message[]
  /** Octets behind the last message, or all that follows a 101 response or an accepted CONNECT. */
  readonly rest: string
  /** What is not in canonical form, in words; empty for what a careful proxy sends. */
  readonly faults: readonly string[]
}

/** How a connection is to be read. */
export interface ReadingOptions {
  readonly side: 'requests' | 'responses'
  /** The peer has ended the connection. */
  readonly ended: boolean
  /** Numbers of the final responses that answer HEAD. */
  readonly heads?: readonly number[]
}

const startLines = {
  requests: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP\/1\.1$/,
  responses: /^HTTP\/1\.1 [1-5]\d\d [\t\x20-\x7e\x80-\xff]*$/,
}
const fieldLine =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*$/

/** Reads all octets (as Latin-1) that a connection has brought so far. */
export function readMessages(raw: string, options: ReadingOptions): Reading {
  const messages: Message[] = []
  const faults: string[] = []
  let at = 0
  let finals = 0
  while (at < raw.length) {
    const headEnd = raw.indexOf('\r\n\r\n', at)
    if (headEnd < 0) break
    const [start = '', ...lines] = raw.slice(at, headEnd).split('\r\n')
    if (!startLines[options.side].test(start)) faults.push(`start line ${JSON.stringify(start)}`)
    const fields = lines.map((line) => readField(line, faults))
    const status = options.side === 'responses' ? Number(start.slice(9, 12)) : 0
    const framing = framingOf(fields, status, options.heads?.includes(finals) === true, faults)
    const body = readBody(raw, headEnd + 4, framing, { fields, ended: options.ended, faults })
    messages.push({ start, fields, framing, body: body.text, trailers: body.trailers, complete: body.complete })
    at = body.end
    if (status === 101) break
    if (status === 0 || status >= 200) finals += 1
    if (!body.complete) break
  }
  return { messages, rest: raw.slice(at), faults }
}

/** All values of a field, joined. */
export function valueOf(message: Message, name: string): string | undefined {
  const values = message.fields.filter(([other]) => other === name).map(([, value]) => value)
  return values.length === 0 ? undefined : values.join(',')
}

type Fields = Message['fields']

function readField(line: string, faults: string[]): readonly [string, string] {
  const match = fieldLine.exec(line)
  if (match === null) faults.push(`field ${JSON.stringify(line)}`)
  const colon = line.indexOf(':')
  if (colon < 0) return [line.toLowerCase(), '']
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]
}

function framingOf(fields: Fields, status: number, toHead: boolean, faults: string[]): Message['framing'] {
  const lengths = fields.filter(([name]) => name === 'content-length').map(([, value]) => value)
  const codings = fields.filter(([name]) => name === 'transfer-encoding').map(([, value]) => value)
  if (lengths.length + codings.length > 1) faults.push('more than one field frames the message')
  if (lengths.some((value) => !/^\d{1,15}$/.test(value))) faults.push(`content-length ${lengths.join()}`)
  if (codings.some((value) => value !== 'chunked')) faults.push(`transfer-encoding ${codings.join()}`)
  if (toHead || (status > 0 && status < 200) || status === 204 || status === 304) return 'none'
  if (codings.length > 0) return 'chunked'
  if (lengths.length > 0) return 'length'
  return status === 0 ? 'none' : 'until-close'
}

interface Body {
  readonly text: string
  readonly end: number
  readonly complete: boolean
  readonly trailers: Fields
}

interface BodyContext {
  readonly fields: Fields
  readonly ended: boolean
  readonly faults: string[]
}

function readBody(raw: string, start: number, framing: Message['framing'], context: BodyContext): Body {
  switch (framing) {
    case 'none':
      return { text: '', end: start, complete: true, trailers: [] }
    case 'until-close':
      return { text: raw.slice(start), end: raw.length, complete: context.ended, trailers: [] }
    case 'length': {
      const length = Number(context.fields.find(([name]) => name === 'content-length')?.[1])
      const end = Math.min(raw.length, start + length)
      return { text: raw.slice(start, end), end, complete: end === start + length, trailers: [] }
    }
    default:
      return readChunks(raw, start, context.faults)
  }
}

function readChunks(raw: string, start: number, faults: string[]): Body {
  let text = ''
  let at = start
  const unfinished = (): Body => ({ text, end: raw.length, complete: false, trailers: [] })
  for (;;) {
    const lineEnd = raw.indexOf('\r\n', at)
    if (lineEnd < 0) return unfinished()
    const line = raw.slice(at, lineEnd)
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) {
      faults.push(`chunk line ${JSON.stringify(line)}`)
      return unfinished()
    }
    const size = Number.parseInt(line, 16)
    at = lineEnd + 2
    if (size === 0) break
    text += raw.slice(at, at + size)
    if (raw.length < at + size + 2) return unfinished()
    if (raw.slice(at + size, at + size + 2) !== '\r\n') faults.push('a chunk does not end with CRLF')
    at += size + 2
  }
  if (raw.startsWith('\r\n', at)) return { text, end: at + 2, complete: true, trailers: [] }
  const end = raw.indexOf('\r\n\r\n', at)
  if (end < 0) return unfinished()
  const trailers = raw
    .slice(at, end)
    .split('\r\n')
    .map((line) => readField(line, faults))
  return { text, end: end + 4, complete: true, trailers }
}
