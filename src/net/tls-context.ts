import { createSecureContext } from 'node:tls'
import type { TLSOptions } from 'bun'
import { err, MeshError, ok, type Result } from '../base/index.ts'

/** What a TLS context is made of; PEM texts. */
export interface TlsContextOptions {
  readonly role: 'server' | 'client'
  /** Absent on clients without a certificate. */
  readonly certificate: { readonly certificateChain: string; readonly privateKey: string } | undefined
  /** Trust bundle. Absent: nothing verifies (a server then asks for no client certificate). */
  readonly trustedCa: string | undefined
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** TLS 1.3 by default. */
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** Suites of TLS 1.2 in BoringSSL's notation; the runtime's by default. */
  readonly cipherSuites?: string
  /** Server: ask the client for a certificate. Whether one is required is decided after the handshake. */
  readonly requestCertificate?: boolean
}

/**
 * Keys and trust, parsed once and shared by all connections that use them (BoringSSL's SSL_CTX). Server contexts hold the
 * ticket keys: a new context after rotation refuses the sessions of the old one, so trust that was withdrawn is not resumed.
 */
export interface TlsContext {
  readonly role: 'server' | 'client'
  readonly requestCertificate: boolean
  /** Bun's native context object. */
  readonly native: object
}

/** A session may be resumed for so long; certificates' dates are checked on every resumption besides. */
const SESSION_SECONDS = 3600

/** Bun 1.4 takes a native context in `tls`; its types do not say so. */
interface NativeTlsOptions extends TLSOptions {
  secureContext: object
}

/** Parses keys and trust. Error code `WEFT_NET_TLS_CONTEXT` when a PEM text does not parse or key and certificate do not belong together. */
export function createTlsContext(options: TlsContextOptions): Result<TlsContext, MeshError> {
  const requestCertificate = options.role === 'client' || (options.requestCertificate ?? false)
  try {
    const context = createSecureContext({
      ...(options.certificate === undefined
        ? {}
        : { cert: options.certificate.certificateChain, key: options.certificate.privateKey }),
      ...(options.trustedCa === undefined ? {} : { ca: options.trustedCa }),
      minVersion: options.minVersion,
      maxVersion: options.maxVersion ?? 'TLSv1.3',
      ...(options.cipherSuites === undefined ? {} : { ciphers: options.cipherSuites }),
      ...(options.role === 'server'
        ? { requestCert: requestCertificate, rejectUnauthorized: false, sessionTimeout: SESSION_SECONDS }
        : {}),
    })
    return ok({ role: options.role, requestCertificate, native: nativeContext(context) })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    return err(
      new MeshError('WEFT_NET_TLS_CONTEXT', `The TLS certificate, key or trust bundle does not parse: ${text}`, {
        cause,
      }),
    )
  }
}

/** Options for `upgradeTLS` on an accepted socket. The verdict on the client's chain comes in `handshake`, where the caller must refuse. */
export function toServerTlsOptions(context: TlsContext, alpn: readonly string[]): TLSOptions {
  const options: NativeTlsOptions = {
    secureContext: context.native,
    requestCert: context.requestCertificate,
    rejectUnauthorized: false,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: toAlpnWire(alpn) }),
  }
  return options
}

/** Options for `Bun.connect`. The verdict on the server's chain and name comes in `handshake`, where the caller must refuse. */
export function toClientTlsOptions(context: TlsContext, alpn: readonly string[], sni: string | undefined): TLSOptions {
  const options: NativeTlsOptions = {
    secureContext: context.native,
    rejectUnauthorized: false,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: toAlpnWire(alpn) }),
    ...(sni === undefined ? {} : { serverName: sni }),
  }
  return options
}

/** Protocol names in the wire form of RFC 7301 section 3.1: each with its length before it. Bun negotiates nothing with a plain string. */
function toAlpnWire(protocols: readonly string[]): Uint8Array<ArrayBuffer> {
  const parts: number[] = []
  for (const protocol of protocols) {
    const bytes = new TextEncoder().encode(protocol)
    parts.push(bytes.length, ...bytes)
  }
  return new Uint8Array(parts)
}

/** The native half of node:tls's SecureContext; `context` is its documented-by-use property, absent in the types. */
function nativeContext(context: object): object {
  const native: unknown = Reflect.get(context, 'context')
  if (typeof native !== 'object' || native === null) throw new TypeError('Bun gave no native TLS context')
  return native
}
