import { assertNever } from '../../base/index.ts'
import { type ProxyHeader, scanProxyHeader } from '../../wire/proxy-protocol/index.ts'
import { scanClientHello } from '../../wire/tls/index.ts'
import type { ListenerInspector } from '../config/index.ts'
import { detectHttp, type HttpVersion } from './detect-http.ts'
import { ListenerLimits } from './limits.ts'

/** What the first bytes of a connection told so far; inspectors write here. */
export interface FirstBytes {
  transportProtocol: 'tls' | 'raw_buffer'
  /** Of a TLS client, in lower case. */
  serverName: string
  /** What a TLS client offers (ALPN), or the version of HTTP that is spoken; chains are matched by it. */
  applicationProtocols: readonly string[]
  /** Version of HTTP in plain text. */
  detectedProtocol: HttpVersion | ''
  /** The TLS client verifies ECDSA signatures. */
  ecdsa: boolean
  /** Whether the first bytes were looked at for TLS. */
  tlsInspected: boolean
  /** What a PROXY protocol header said; undefined without one, and when its sender speaks for itself. */
  ends: ProxyHeader['ends']
}

/** Nothing is known yet. */
export function noFirstBytes(): FirstBytes {
  return {
    transportProtocol: 'raw_buffer',
    serverName: '',
    applicationProtocols: [],
    detectedProtocol: '',
    ecdsa: false,
    tlsInspected: false,
    ends: undefined,
  }
}

/** What an inspector has to say; `counter` is a name of Envoy's without its prefix. */
export type InspectionVerdict =
  | { readonly kind: 'more' }
  /** Go on with the next inspector; so many bytes are taken off. */
  | { readonly kind: 'done'; readonly consumed: number; readonly counter: string }
  /** Close the connection. */
  | { readonly kind: 'refuse'; readonly counter: string; readonly details: string }

const more: InspectionVerdict = { kind: 'more' }

/**
 * Lets one inspector look at all bytes that are there.
 *
 * @param final No more will come (the client ended its direction, or the time is over).
 */
export function inspectBytes(
  inspector: ListenerInspector,
  bytes: Uint8Array,
  { facts, final }: { readonly facts: FirstBytes; readonly final: boolean },
): InspectionVerdict {
  switch (inspector.kind) {
    case 'tls':
      return inspectTls(bytes, facts, final)
    case 'http':
      return inspectHttp(bytes, facts, final)
    case 'proxy-protocol':
      return inspectProxyProtocol(bytes, inspector, { facts, final })
    default:
      return assertNever(inspector)
  }
}

function done(counter: string, consumed = 0): InspectionVerdict {
  return { kind: 'done', consumed, counter }
}

function inspectTls(bytes: Uint8Array, facts: FirstBytes, final: boolean): InspectionVerdict {
  const scan = scanClientHello(bytes, ListenerLimits.clientHelloBytes)
  if (scan.kind === 'incomplete' && !final) return more
  facts.tlsInspected = true
  if (scan.kind === 'too-large')
    return { kind: 'refuse', counter: 'tls_inspector_client_hello_too_large', details: 'client_hello_too_large' }
  if (scan.kind !== 'hello') return done('tls_inspector_tls_not_found')
  facts.transportProtocol = 'tls'
  facts.serverName = scan.hello.serverName
  facts.applicationProtocols = scan.hello.alpn
  facts.ecdsa = scan.hello.ecdsa
  return done('tls_inspector_tls_found')
}

const httpCounters = {
  'http/1.0': 'http_inspector_http10_found',
  'http/1.1': 'http_inspector_http11_found',
  h2c: 'http_inspector_http2_found',
} as const

function inspectHttp(bytes: Uint8Array, facts: FirstBytes, final: boolean): InspectionVerdict {
  if (facts.transportProtocol === 'tls') return done('')
  const version = detectHttp(bytes, ListenerLimits.requestLineBytes)
  if (version === 'incomplete' && !final) return more
  if (version === 'incomplete' || version === 'other') return done('http_inspector_http_not_found')
  facts.detectedProtocol = version
  facts.applicationProtocols = [version]
  return done(httpCounters[version])
}

function inspectProxyProtocol(
  bytes: Uint8Array,
  inspector: ListenerInspector & { readonly kind: 'proxy-protocol' },
  { facts, final }: { readonly facts: FirstBytes; readonly final: boolean },
): InspectionVerdict {
  const scan = scanProxyHeader(bytes, ListenerLimits.proxyHeaderBytes)
  const refuse = (counter: string, details: string): InspectionVerdict => ({
    kind: 'refuse',
    counter: `proxy_proto_${counter}`,
    details,
  })
  const absent = (): InspectionVerdict =>
    inspector.allowWithout
      ? done('proxy_proto_not_found_allowed')
      : refuse('not_found_disallowed', 'proxy_protocol_header_missing')
  if (scan.kind === 'absent' || (scan.kind === 'incomplete' && scan.version === undefined && final)) return absent()
  const version = scan.kind === 'header' ? scan.header.version : scan.version
  if (version === undefined) return more
  if (!inspector.versions.includes(version)) {
    // As in Envoy: where headers are optional, one of a version that is not taken is none.
    return inspector.allowWithout
      ? absent()
      : refuse(`versions_v${version}_disallowed`, `proxy_protocol_v${version}_disallowed`)
  }
  if (scan.kind === 'incomplete' && !final) return more
  if (scan.kind !== 'header') return refuse(`versions_v${version}_error`, 'proxy_protocol_header_malformed')
  facts.ends = scan.header.ends
  return done(`proxy_proto_versions_v${version}_found`, scan.header.length)
}
