import type { FieldBlock } from '../hpack/field-block.ts'
import { FieldKind, kindOfField } from './field-kind.ts'
import { type HeadFacts, malformedHead, parseContentLength } from './head-facts.ts'
import { isAuthority, isFieldValue, isTargetText, isToken } from './octets.ts'

/** What a request is judged by, beside RFC 9113. */
export interface RequestRules {
  /** We told that we take extended CONNECT (RFC 8441). */
  readonly connectProtocol: boolean
  /** Length of `:authority` and `host`. */
  readonly authorityBytes: number
}

/** Longest method, as in HTTP/1.1: one that only one of the two takes would be a request that is lost on the way. */
const maxMethodBytes = 32

/** Pseudo-fields of the request that is judged. */
class RequestFields {
  method: string | undefined
  scheme: string | undefined
  authority: string | undefined
  path: string | undefined
  protocol: string | undefined
  host: string | undefined
  contentLength = -1

  /** Takes up a pseudo-field; false if it is none of a request, or here before. */
  takePseudo(kind: FieldKind, value: string): boolean {
    switch (kind) {
      case FieldKind.method:
        if (this.method !== undefined) return false
        this.method = value
        return true
      case FieldKind.scheme:
        if (this.scheme !== undefined) return false
        this.scheme = value
        return true
      case FieldKind.authority:
        if (this.authority !== undefined) return false
        this.authority = value
        return true
      case FieldKind.path:
        if (this.path !== undefined) return false
        this.path = value
        return true
      case FieldKind.protocol:
        if (this.protocol !== undefined) return false
        this.protocol = value
        return true
      default:
        return false
    }
  }

  /** Takes up another field; false if its value breaks a rule. */
  takeRegular(kind: FieldKind, value: string): boolean {
    switch (kind) {
      case FieldKind.regular:
        return isFieldValue(value)
      case FieldKind.host:
        if (this.host !== undefined) return false
        this.host = value
        return true
      case FieldKind.contentLength:
        if (this.contentLength >= 0) return false
        this.contentLength = parseContentLength(value)
        return this.contentLength >= 0
      case FieldKind.te:
        return value.toLowerCase() === 'trailers'
      default:
        return false
    }
  }
}

/**
 * Judges the head of a request by RFC 9113 sections 8.2 and 8.3 and RFC 8441, and by what a proxy must not pass on: what would mean
 * something else in HTTP/1.1, and an authority that is told twice and differently. Of a block that is `tooLarge` only what is
 * there is judged.
 */
export function judgeRequest(block: FieldBlock, rules: RequestRules): HeadFacts {
  const { names, values } = block
  const fields = new RequestFields()
  let pseudo = true
  for (let index = 0; index < names.length; index += 1) {
    const kind = kindOfField(names[index] ?? '')
    const value = values[index] ?? ''
    if (kind >= FieldKind.method) {
      if (!pseudo || !fields.takePseudo(kind, value)) return malformedHead
    } else {
      pseudo = false
      if (!fields.takeRegular(kind, value)) return malformedHead
    }
  }
  if (!isTarget(fields, rules, block.tooLarge)) return malformedHead
  const tunnel = fields.method === 'CONNECT'
  // What follows the head of CONNECT has no length.
  if (tunnel && fields.contentLength >= 0) return malformedHead
  return { wellFormed: true, contentLength: fields.contentLength, status: 0, tunnel }
}

/** RFC 9113 sections 8.3.1 and 8.5; RFC 8441 section 4. */
function isTarget(fields: RequestFields, rules: RequestRules, partial: boolean): boolean {
  const { method, scheme, path, protocol } = fields
  if (method === undefined ? !partial : method.length > maxMethodBytes || !isToken(method)) return false
  if (!isOneAuthority(fields, rules, partial)) return false
  if (protocol !== undefined) {
    if (!rules.connectProtocol || method !== 'CONNECT' || !isToken(protocol)) return false
    if (fields.authority === undefined && !partial) return false
  } else if (method === 'CONNECT') {
    return scheme === undefined && path === undefined && (partial || fields.authority !== undefined)
  }
  if (scheme === undefined ? !partial : scheme !== 'http' && scheme !== 'https') return false
  return path === undefined ? partial : isPath(path, method)
}

/** The two that name the origin are not empty, and agree. */
function isOneAuthority(
  { authority, host }: RequestFields,
  { authorityBytes }: RequestRules,
  partial: boolean,
): boolean {
  if (authority === undefined && host === undefined) return partial
  if (authority !== undefined && (authority.length > authorityBytes || !isAuthority(authority))) return false
  if (host === undefined) return true
  if (host.length > authorityBytes || !isAuthority(host)) return false
  return authority === undefined || authority === host || authority.toLowerCase() === host.toLowerCase()
}

function isPath(path: string, method: string | undefined): boolean {
  if (path === '*') return method === 'OPTIONS'
  return path.charCodeAt(0) === 0x2f && isTargetText(path)
}
