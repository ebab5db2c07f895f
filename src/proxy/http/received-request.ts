import { authorityEnd, FieldId, Head, type HeadLimits, schemeLength } from '../../wire/http1/index.ts'
import type { RequestView } from '../route/index.ts'
import { fieldTable } from './fields.ts'

/** What nearly every head fits in. */
const initialBytes = 2048

/** A request as it was received: what `decide` reads, over the bytes of the head. Reusable. */
export class ReceivedRequest implements RequestView {
  readonly head: Head
  method = ''
  authority = ''
  path = ''
  query = ''
  scheme: 'http' | 'https' = 'http'
  /** Path with query as received, for logs. */
  target = ''
  /** The target named the authority: `Host` is written anew. */
  absolute = false
  /** The path differs from what was received: the request line is written anew. */
  pathChanged = false
  /** The `x-request-id` made for it, the same for all attempts and the log; empty when none was made. */
  generatedId = ''
  /** Octets held: all of the head, and while it is incomplete nothing else. */
  filled = 0
  readonly #keptBytes: number
  #lastHost = ''

  /** @param keptBytes A buffer that grew beyond it is let go after the request. */
  constructor(limits: HeadLimits, keptBytes: number) {
    this.#keptBytes = keptBytes
    this.head = new Head(fieldTable, limits)
    this.head.bytes = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** Ready for the next request. A buffer that grew large is let go. */
  reset(): void {
    this.head.reset()
    this.filled = 0
    this.method = ''
    this.authority = ''
    this.target = ''
    this.generatedId = ''
    if (this.head.bytes.length > this.#keptBytes) this.head.bytes = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** Keeps `bytes[start..end)` behind what is held. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const { head, filled } = this
    const needed = filled + end - start
    if (needed > head.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, head.bytes.length * 2))
      head.bytes.copy(grown, 0, 0, filled)
      head.bytes = grown
    }
    if (bytes instanceof Buffer) bytes.copy(head.bytes, filled, start, end)
    else head.bytes.set(bytes.subarray(start, end), filled)
    this.filled = needed
  }

  /** Reads the parts of the request line and the authority; the head must be complete and kept. */
  read(tls: boolean): void {
    const { head } = this
    const { bytes, start, methodEnd, targetStart, targetEnd } = head
    this.method = methodText(bytes, start, methodEnd)
    this.scheme = tls ? 'https' : 'http'
    this.target = bytes.latin1Slice(targetStart, targetEnd)
    this.pathChanged = false
    this.absolute = false
    const hostIndex = head.hostIndex
    this.authority = hostIndex < 0 ? '' : this.#hostText(hostIndex)
    const { target } = this
    let pathStart = 0
    if (this.method === 'CONNECT') {
      // The target is the authority, whatever `Host` says (RFC 9112 section 3.2.3), and there is no path.
      this.authority = target
      this.absolute = true
      this.path = ''
      this.query = ''
      return
    }
    if (bytes[targetStart] !== 47) {
      const scheme = schemeLength(head, bytes)
      if (scheme > 0) {
        const end = authorityEnd(bytes, targetStart + scheme, targetEnd)
        this.authority = bytes.latin1Slice(targetStart + scheme, end)
        if (scheme === 8) this.scheme = 'https'
        this.absolute = true
        this.pathChanged = true
        pathStart = end - targetStart
      }
    }
    const mark = head.queryMark < 0 ? -1 : head.queryMark - targetStart
    this.path = mark < 0 && pathStart === 0 ? target : target.slice(pathStart, mark < 0 ? target.length : mark)
    this.query = mark < 0 ? '' : target.slice(mark + 1)
    if (this.path === '') this.path = this.method === 'OPTIONS' ? '*' : '/'
  }

  /** Takes over the parts of a request that came in HTTP/2, whose head was written down in `head`. */
  readParts(method: string, authority: string, target: string, scheme: 'http' | 'https'): void {
    this.method = method
    this.authority = authority
    this.target = target
    this.scheme = scheme
    this.absolute = false
    this.pathChanged = false
    const mark = target.indexOf('?')
    this.path = mark < 0 ? target : target.slice(0, mark)
    this.query = mark < 0 ? '' : target.slice(mark + 1)
    // The target of CONNECT is no path.
    if (method === 'CONNECT') this.path = ''
  }

  /** Clients of a proxy ask the same few hosts again and again: the text of the last one is kept. */
  #hostText(index: number): string {
    const { head } = this
    const start = head.valueStart(index)
    const text = this.#lastHost
    if (head.valueEnd(index) - start === text.length) {
      let at = 0
      while (at < text.length && head.bytes[start + at] === text.charCodeAt(at)) at += 1
      if (at === text.length) return text
    }
    this.#lastHost = head.value(index)
    return this.#lastHost
  }

  /** All values of a header joined by `,`. */
  header(name: string): string | undefined {
    if (name === 'host' || name === ':authority') return this.authority === '' ? undefined : this.authority
    if (name === ':method') return this.method
    if (name === ':path') return this.query === '' ? this.path : `${this.path}?${this.query}`
    if (name === ':scheme') return this.scheme
    return this.head.header(name)
  }

  /** Value of the first field with this number; undefined when there is none. */
  field(id: number): string | undefined {
    const index = this.head.indexOfId(id)
    return index < 0 ? undefined : this.head.value(index)
  }

  /** The upgrade asked for, lower case; empty when there is none. */
  upgrade(): string {
    return this.head.upgradeIndex < 0 ? '' : (this.field(FieldId.upgrade) ?? '').toLowerCase()
  }
}

function methodText(bytes: Buffer, start: number, end: number): string {
  if (end - start === 3 && bytes[start] === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84) return 'GET'
  return bytes.latin1Slice(start, end)
}
