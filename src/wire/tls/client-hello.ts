/** What a client asks for before anything is encrypted. */
export interface ClientHello {
  /** `server_name` (RFC 6066 section 3) in lower case; empty when the client sent none. Not checked to be a host name. */
  readonly serverName: string
  /** `application_layer_protocol_negotiation` (RFC 7301), in the order of the client; empty when it offers none. */
  readonly alpn: readonly string[]
  /** The client takes an ECDSA certificate with a NIST curve: by its signature algorithms in TLS 1.3, by its cipher suites before. */
  readonly ecdsa: boolean
}

/** What the first octets of a connection are. */
export type ClientHelloScan =
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  /** So far this may become a client hello: scan again when more is there. */
  | { readonly kind: 'incomplete' }
  /** No client hello, or a malformed one. */
  | { readonly kind: 'not-tls' }
  /** A client hello longer than the limit. */
  | { readonly kind: 'too-large' }

/**
 * Reads a client hello from the first octets of a connection, however many records it is spread over. What comes behind it does not
 * matter. An answer other than `incomplete` stays the same whatever follows.
 *
 * @param limit Longest handshake message that is read, octets; its length is checked before it has come.
 */
export function scanClientHello(bytes: Uint8Array, limit: number): ClientHelloScan {
  const message = gatherMessage(bytes, limit)
  if ('kind' in message) return message
  const hello = readHello(new Cursor(message, 4, message.length))
  return hello === undefined ? notTls : { kind: 'hello', hello }
}

const incomplete: ClientHelloScan = { kind: 'incomplete' }
const notTls: ClientHelloScan = { kind: 'not-tls' }
const tooLarge: ClientHelloScan = { kind: 'too-large' }

const handshakeRecord = 22
const clientHelloMessage = 1
/** Longest fragment of a record (RFC 8446 section 5.1). */
const fragmentBytes = 16_384

/** The handshake message with its header, joined from its records. */
function gatherMessage(bytes: Uint8Array, limit: number): Uint8Array | ClientHelloScan {
  const header = [-1, -1, -1, -1]
  let headerLength = 0
  let wanted = Infinity
  let joined = 0
  const fragments: Uint8Array[] = []
  for (let at = 0; ;) {
    const [type, major] = [bytes[at], bytes[at + 1]]
    if (type === undefined) return incomplete
    if (type !== handshakeRecord || (major !== undefined && major !== 3)) return notTls
    if (bytes.length < at + 5) return incomplete
    const length = uint16(bytes, at + 3)
    if (length === 0 || length > fragmentBytes) return notTls
    const fragment = bytes.subarray(at + 5, at + 5 + length)
    for (let index = 0; headerLength < 4 && index < fragment.length; index += 1, headerLength += 1)
      header[headerLength] = fragment[index] ?? 0
    if (headerLength > 0 && header[0] !== clientHelloMessage) return notTls
    if (headerLength === 4) {
      const [, high = 0, middle = 0, low = 0] = header
      wanted = 4 + ((high << 16) | (middle << 8) | low)
      if (wanted > limit) return tooLarge
    }
    fragments.push(fragment)
    joined += fragment.length
    if (joined >= wanted) return joinFragments(fragments, wanted)
    if (fragment.length < length) return incomplete
    at += 5 + length
  }
}

function joinFragments(fragments: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = fragments
  if (fragments.length === 1 && first !== undefined) return first.subarray(0, length)
  const message = new Uint8Array(length)
  let at = 0
  for (const fragment of fragments) {
    message.set(fragment.subarray(0, length - at), at)
    at += fragment.length
  }
  return message
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

/** Reads vectors with their lengths before them; everything answers undefined when it does not fit. */
class Cursor {
  at: number
  readonly bytes: Uint8Array
  readonly end: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get empty(): boolean {
    return this.at === this.end
  }

  number(octets: 1 | 2): number | undefined {
    if (this.at + octets > this.end) return undefined
    const value = octets === 1 ? this.bytes[this.at] : uint16(this.bytes, this.at)
    this.at += octets
    return value
  }

  /** What stands behind its length of so many octets. */
  vector(octets: 1 | 2): Cursor | undefined {
    const length = this.number(octets)
    return length === undefined ? undefined : this.take(length)
  }

  take(length: number): Cursor | undefined {
    if (this.at + length > this.end) return undefined
    const taken = new Cursor(this.bytes, this.at, this.at + length)
    this.at += length
    return taken
  }

  /** Octets as characters of the same numbers: names are compared, never shown as text of a language. */
  text(): string {
    return String.fromCharCode(...this.bytes.subarray(this.at, this.end))
  }
}

const extensionType = { serverName: 0, signatureAlgorithms: 13, alpn: 16, supportedVersions: 43 } as const

/** ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384, ecdsa_secp521r1_sha512 (RFC 8446 section 4.2.3). */
const ecdsaSchemes: ReadonlySet<number> = new Set([0x0403, 0x0503, 0x0603])
/** Suites of TLS 1.2 with ECDHE and ECDSA (RFC 5289, RFC 7905, RFC 8422). */
const ecdsaSuites: ReadonlySet<number> = new Set([0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b, 0xc02c, 0xcca9])
const tls13: ReadonlySet<number> = new Set([0x0304])

function readHello(hello: Cursor): ClientHello | undefined {
  const version = hello.number(2)
  if (version === undefined || version >> 8 !== 3) return undefined
  const random = hello.take(32)
  const session = hello.vector(1)
  const suites = hello.vector(2)
  const compression = hello.vector(1)
  if (random === undefined || session === undefined || suites === undefined || compression === undefined)
    return undefined
  if (suites.empty || (suites.end - suites.at) % 2 === 1 || compression.empty) return undefined
  const oldEcdsa = hasAny(suites, ecdsaSuites)
  // A client of TLS 1.2 may send no extensions at all.
  if (hello.empty) return { serverName: '', alpn: [], ecdsa: oldEcdsa }
  const extensions = hello.vector(2)
  if (extensions === undefined || !hello.empty) return undefined
  return readExtensions(extensions, oldEcdsa)
}

function readExtensions(extensions: Cursor, oldEcdsa: boolean): ClientHello | undefined {
  let serverName: string | undefined
  let alpn: readonly string[] | undefined
  let newEcdsa = false
  let isTls13 = false
  while (!extensions.empty) {
    const type = extensions.number(2)
    const body = extensions.vector(2)
    if (type === undefined || body === undefined) return undefined
    // Two of a kind are forbidden (RFC 8446 section 4.2): whoever ends TLS could read the other one.
    if (type === extensionType.serverName) {
      if (serverName !== undefined) return undefined
      serverName = readServerName(body)
      if (serverName === undefined) return undefined
    } else if (type === extensionType.alpn) {
      if (alpn !== undefined) return undefined
      alpn = readProtocols(body)
    } else if (type === extensionType.signatureAlgorithms) newEcdsa ||= hasAny(body.vector(2), ecdsaSchemes)
    else if (type === extensionType.supportedVersions) isTls13 ||= hasAny(body.vector(1), tls13)
  }
  return { serverName: serverName ?? '', alpn: alpn ?? [], ecdsa: isTls13 ? newEcdsa : oldEcdsa }
}

/** One entry, of type host_name, not empty: nothing else was ever defined. */
function readServerName(body: Cursor): string | undefined {
  const list = body.vector(2)
  const type = list?.number(1)
  const name = list?.vector(2)
  if (list === undefined || name === undefined || type !== 0 || !body.empty || !list.empty) return undefined
  if (name.empty || name.end - name.at > 255) return undefined
  const text = name.text()
  return text.includes('\0') ? undefined : text.toLowerCase()
}

/** Tells if one of these stands in a list of numbers of two octets; it is read to its end. */
function hasAny(list: Cursor | undefined, wanted: ReadonlySet<number>): boolean {
  let found = false
  for (let value = list?.number(2); value !== undefined; value = list?.number(2)) found ||= wanted.has(value)
  return found
}

/** A malformed list is none, as in Envoy: whoever ends TLS refuses it. */
function readProtocols(body: Cursor): readonly string[] {
  const list = body.vector(2)
  if (list === undefined || !body.empty) return []
  const protocols: string[] = []
  while (!list.empty) {
    const name = list.vector(1)
    if (name === undefined || name.empty) return []
    protocols.push(name.text())
  }
  return protocols
}
