import { STATUS_CODES } from 'node:http'

import { ConnectionOption, FieldId, hashFieldName, Head, scanTarget } from '../../wire/http1/index.ts'
import type { FieldBlock } from '../../wire/http2/index.ts'
import { fieldTable } from './fields.ts'
import type { ReceivedRequest } from './received-request.ts'

/**
 * A head that came in HTTP/2 is written down as the head of HTTP/1.1 that says the same (RFC 9113 section 8.8), so that everything that reads heads
 * reads one kind. Blocks are well formed already: the session has checked them.
 */

interface RequestParts {
  readonly method: string
  readonly authority: string
  readonly target: string
  readonly scheme: 'http' | 'https'
  /** A body that follows has no length. */
  readonly mayBeChunked: boolean
}

const noRequest: RequestParts = { method: '', authority: '', target: '', scheme: 'http', mayBeChunked: false }

/** What a block was written down as, for when it comes again. */
class Rendered implements RequestParts {
  readonly head: Head
  readonly method: string
  readonly authority: string
  readonly target: string
  readonly scheme: 'http' | 'https'
  readonly mayBeChunked: boolean

  constructor(head: Head, parts: RequestParts) {
    this.head = new Head(head.table, head.limits)
    this.head.assign(head)
    this.method = parts.method
    this.authority = parts.authority
    this.target = parts.target
    this.scheme = parts.scheme
    this.mayBeChunked = parts.mayBeChunked
  }
}

interface FieldName {
  readonly id: number
  readonly hash: number
}

/** Names that were met, with what a `Head` knows of them. */
const names = new Map<string, FieldName>(fieldTable.names.map((name, id) => [name, { id, hash: hashFieldName(name) }]))

/** Names beyond those of the table that are kept; others are worked out each time. */
const keptNames = 512

function nameOf(name: string): FieldName {
  const known = names.get(name)
  if (known !== undefined) return known
  const made = { id: FieldId.other, hash: hashFieldName(name) }
  if (names.size < keptNames) names.set(name, made)
  return made
}

/** Longest reason phrase and status line, and the blank line. */
const lineRoom = 128

/** The request's pseudo-fields, read one after the other. Reused: valid until the next request. */
const pseudo = { method: '', scheme: '', authority: '', path: '', protocol: '' }

/**
 * Writes the request down. Extended CONNECT (RFC 8441) becomes the upgrade that it stands for.
 *
 * @param bodiless The stream ended with the head.
 * @returns False when the target cannot be one.
 */
export function readHttp2Request(request: ReceivedRequest, block: FieldBlock, bodiless: boolean): boolean {
  const { head } = request
  const known = block.rendered
  if (known instanceof Rendered) {
    head.assign(known.head)
    head.chunked = known.mayBeChunked && !bodiless
    request.filled = head.end
    request.readParts(known.method, known.authority, known.target, known.scheme)
    return true
  }
  const first = readPseudoFields(block)
  const connects = pseudo.method === 'CONNECT' && pseudo.protocol === ''
  const method = pseudo.protocol === '' ? pseudo.method : 'GET'
  const target = connects ? pseudo.authority : pseudo.path
  head.reset()
  head.reserve(block.bytes + lineRoom)
  head.startLineDone = true
  head.minorVersion = 1
  head.methodEnd = method.length
  head.targetStart = method.length + 1
  head.targetEnd = head.targetStart + target.length
  let text = `${method} ${target} HTTP/1.1\r\n`
  if (pseudo.authority !== '') {
    head.hosts = 1
    head.hostIndex = 0
    text = addField(head, text, 'host', pseudo.authority)
  }
  text = addFields(head, text, block, first)
  if (pseudo.protocol !== '') {
    head.upgradeIndex = head.count
    text = addField(head, text, 'upgrade', pseudo.protocol)
    text = addField(head, text, 'connection', 'upgrade')
    head.connection |= ConnectionOption.upgrade
  }
  const mayBeChunked = pseudo.protocol === '' && head.contentLength < 0 && !connects
  head.chunked = mayBeChunked && !bodiless
  finishHead(head, text)
  request.filled = head.end
  const scheme = pseudo.scheme === 'https' ? 'https' : 'http'
  request.readParts(method, pseudo.authority, target, scheme)
  if (scanTarget(head, head.bytes, head.targetStart, head.targetEnd) !== head.targetEnd) return false
  if (block.remembered)
    block.rendered = new Rendered(head, { method, authority: pseudo.authority, target, scheme, mayBeChunked })
  return true
}

/** Writes a response down. `head` keeps its buffer for the next one. */
export function readHttp2Response(head: Head, block: FieldBlock): void {
  const known = block.rendered
  if (known instanceof Rendered) {
    head.assign(known.head)
    return
  }
  const status = block.values[0] ?? ''
  const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`
  head.reset()
  head.reserve(block.bytes + lineRoom)
  head.startLineDone = true
  head.minorVersion = 1
  head.status = Number(status)
  head.targetStart = 9
  head.targetEnd = line.length
  finishHead(head, addFields(head, `${line}\r\n`, block, 1))
  if (block.remembered) block.rendered = new Rendered(head, noRequest)
}

/** Names of fields that must never be indexed, on no hop (RFC 7541 section 7.1.3). */
export function namesNeverIndexed({ names: fields, sensitive }: FieldBlock): readonly string[] {
  return sensitive.map((index) => fields[index] ?? '')
}

/** Trailers as field lines with their blank line. */
export function trailerLines(block: FieldBlock): Buffer {
  let text = ''
  for (let index = 0; index < block.names.length; index += 1)
    text += `${block.names[index]}: ${block.values[index]}\r\n`
  return Buffer.from(`${text}\r\n`, 'latin1')
}

function readPseudoFields({ names: fields, values }: FieldBlock): number {
  pseudo.method = ''
  pseudo.scheme = ''
  pseudo.authority = ''
  pseudo.path = ''
  pseudo.protocol = ''
  let index = 0
  for (; index < fields.length; index += 1) {
    const value = values[index] ?? ''
    switch (fields[index]) {
      case ':method':
        pseudo.method = value
        break
      case ':scheme':
        pseudo.scheme = value
        break
      case ':authority':
        pseudo.authority = value
        break
      case ':path':
        pseudo.path = value
        break
      case ':protocol':
        pseudo.protocol = value
        break
      default:
        if (pseudo.authority === '') pseudo.authority = values[fields.indexOf('host')] ?? ''
        return index
    }
  }
  return index
}

/** Adds the fields from `first` on; `host` is written by the caller, pieces of `cookie` become one (RFC 9113 section 8.2.3). */
function addFields(head: Head, start: string, block: FieldBlock, first: number): string {
  const { names: fields, values, sensitive } = block
  if (sensitive.length > 0) head.sensitive = namesNeverIndexed(block)
  let text = start
  let cookies = ''
  for (let index = first; index < fields.length; index += 1) {
    const name = fields[index] ?? ''
    const value = values[index] ?? ''
    if (name === 'cookie') {
      // An empty piece says nothing, and would leave a blank at the end.
      if (value !== '') cookies = cookies === '' ? value : `${cookies}; ${value}`
    } else if (name !== 'host') text = addField(head, text, name, value)
  }
  return cookies === '' ? text : addField(head, text, 'cookie', cookies)
}

function addField(head: Head, text: string, name: string, value: string): string {
  const { id, hash } = nameOf(name)
  const start = text.length
  const valueStart = start + name.length + 2
  if (id === FieldId.contentLength) head.contentLength = Number(value)
  else if (id === FieldId.expect) head.expectsContinue = true
  head.push(start, start + name.length, valueStart, valueStart + value.length, hash, id)
  return `${text}${name}: ${value}\r\n`
}

function finishHead(head: Head, text: string): void {
  head.end = head.bytes.latin1Write(`${text}\r\n`, 0)
}
