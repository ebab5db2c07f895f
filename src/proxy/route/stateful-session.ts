import type { RequestView } from './decision.ts'
import { cookieValue } from './request-hash.ts'

/** `envoy.filters.http.stateful_session`: a client keeps to the endpoint that it was given, and carries its address itself. */
export type StatefulSession = {
  /** With the endpoint gone or sick the request fails; otherwise another is chosen and the client told. */
  readonly strict: boolean
} & (
  | {
      readonly kind: 'cookie'
      readonly name: string
      /** Only requests below it have a session; empty: all. */
      readonly path: string
      /** 0: as long as the client keeps it. */
      readonly ttlSeconds: number
    }
  /** Lower case. */
  | { readonly kind: 'header'; readonly name: string }
)

/** The session of a route; `session` undefined: it has none, whatever stands above it. */
export interface SessionSetting {
  readonly session: StatefulSession | undefined
}

/** Longest value that is looked into: an address with its port and the time takes far less. */
const maxValueLength = 512

/**
 * The endpoint (`ip:port`) that a request wants by its session.
 *
 * @param nowSeconds Since 1970; a cookie that is past its time counts for nothing.
 * @returns Empty when it wants none; undefined when the request has no part in sessions.
 */
export function readSession(session: StatefulSession, request: RequestView, nowSeconds: number): string | undefined {
  if (session.kind === 'header') return decodeText(request.header(session.name) ?? '')
  if (!isBelow(request.path, session.path)) return undefined
  const value = cookieValue(request.header('cookie') ?? '', session.name)
  return value === '' || value.length > maxValueLength ? '' : decodeCookie(Buffer.from(value, 'base64'), nowSeconds)
}

/** The field line by which the client is told its endpoint, with its line end. */
export function sessionLine(session: StatefulSession, authority: string, nowSeconds: number): string {
  if (session.kind === 'header') return `${session.name}: ${Buffer.from(authority).toString('base64')}\r\n`
  const { name, path, ttlSeconds } = session
  const expires = ttlSeconds === 0 ? 0 : nowSeconds + ttlSeconds
  return setCookieLine(name, encodeCookie(authority, expires).toString('base64'), { path, ttlSeconds })
}

/** `Set-Cookie` as Envoy writes it; `ttlSeconds` 0 or undefined: no `Max-Age`, `path` empty: no `Path`. */
export function setCookieLine(
  name: string,
  value: string,
  scope: { readonly path: string; readonly ttlSeconds: number | undefined },
): string {
  const { path, ttlSeconds } = scope
  const age = ttlSeconds === undefined || ttlSeconds === 0 ? '' : `; Max-Age=${ttlSeconds}`
  return `set-cookie: ${name}="${value}"${age}${path === '' ? '' : `; Path=${path}`}; HttpOnly\r\n`
}

function isBelow(path: string, scope: string): boolean {
  if (scope === '' || scope === '/') return true
  return path.startsWith(scope) && (scope.endsWith('/') || path.length === scope.length || path[scope.length] === '/')
}

function decodeText(value: string): string {
  return value.length > maxValueLength ? '' : Buffer.from(value, 'base64').toString('latin1')
}

/** Tags of Envoy's message of a session cookie: the address, and when it expires (seconds since 1970, 0: never). */
const addressTag = 0x0a
const expiresTag = 0x10

function encodeCookie(authority: string, expires: number): Buffer {
  const bytes = [addressTag, authority.length, ...Buffer.from(authority, 'latin1')]
  if (expires > 0) {
    bytes.push(expiresTag)
    let rest = expires
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    bytes.push(rest)
  }
  return Buffer.from(bytes)
}

/** The address of a cookie; empty when it is past its time. What is no such message is the address itself, as older Envoys wrote it. */
function decodeCookie(bytes: Buffer, nowSeconds: number): string {
  const length = bytes[1] ?? 0
  if (bytes[0] !== addressTag || length > 127 || bytes.length < 2 + length) return bytes.toString('latin1')
  const authority = bytes.toString('latin1', 2, 2 + length)
  if (bytes.length === 2 + length) return authority
  if (bytes[2 + length] !== expiresTag) return bytes.toString('latin1')
  let expires = 0
  let scale = 1
  for (const byte of bytes.subarray(3 + length)) {
    expires += (byte & 127) * scale
    scale *= 128
  }
  return expires > nowSeconds ? authority : ''
}
