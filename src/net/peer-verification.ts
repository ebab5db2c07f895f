import { type PeerCertificate, readPeerCertificate, spiffeIdOf } from './peer-certificate.ts'
import type { StreamSocket } from './socket-owner.ts'

/** A condition on one subject alternative name of the peer. */
export interface PeerNameMatch {
  readonly type: 'uri' | 'dns' | 'ip'
  readonly match:
    | { readonly kind: 'exact'; readonly value: string }
    | { readonly kind: 'prefix'; readonly value: string }
    | { readonly kind: 'suffix'; readonly value: string }
}

/** Who a peer must be. */
export interface PeerRequirement {
  /** The chain must lead to a trusted root. False only where the resource configures no validation. */
  readonly verifyChain: boolean
  /** A peer without a certificate is refused; else it is accepted as nobody, whatever `names` ask. */
  readonly requireCertificate: boolean
  /** At least one must match in each list; an empty list asks nothing. */
  readonly names: readonly (readonly PeerNameMatch[])[]
}

/** The verdict on a peer after the handshake. */
export type PeerVerdict =
  { readonly accepted: true; readonly spiffeId: string } | { readonly accepted: false; readonly message: string }

/** The one error that a SPIFFE certificate always gets from a TLS client: it has no DNS name. Everything else is a refusal. */
const ALT_NAME_MISMATCH = 'ERR_TLS_CERT_ALTNAME_INVALID'

/**
 * Judges the peer of a finished TLS handshake; call it before a byte is written. Everything that is not plainly good is refused.
 *
 * @param error What the handshake reported: undefined when chain and name are good.
 * @param role Our side. The host name check is a client's; ours is by `names`, so its failure alone is no refusal.
 */
export function verifyPeer(
  socket: StreamSocket,
  error: Error | undefined,
  options: { readonly role: 'server' | 'client'; readonly requirement: PeerRequirement; readonly now: number },
): PeerVerdict {
  const { requirement } = options
  if (error !== undefined && isHandshakeFailure(error))
    return { accepted: false, message: `The TLS handshake failed: ${error.message}` }
  const certificate = readPeerCertificate(socket)
  if (certificate === 'unreadable')
    return { accepted: false, message: "The names of the peer's certificate do not parse" }
  if (certificate === 'none') {
    // Conditions on names hold for a certificate that is shown; `requireCertificate` says whether one must be.
    if (!requirement.requireCertificate) return { accepted: true, spiffeId: '' }
    return { accepted: false, message: 'The peer showed no certificate' }
  }
  if (requirement.verifyChain) {
    const code = errorCode(error)
    if (error !== undefined && !(options.role === 'client' && code === ALT_NAME_MISMATCH))
      return { accepted: false, message: `The peer's certificate does not verify: ${code ?? error.message}` }
    // A resumed session is not verified again by BoringSSL: the certificate of the first handshake may have expired since.
    if (!(certificate.notBefore <= options.now && options.now <= certificate.notAfter))
      return {
        accepted: false,
        message: `The peer's certificate is not valid now (until ${new Date(certificate.notAfter).toISOString()})`,
      }
  }
  for (const list of requirement.names) {
    if (list.length > 0 && !list.some((match) => matchesName(certificate, match)))
      return {
        accepted: false,
        message: `The peer is ${describeNames(certificate)}, expected ${list.map((match) => `${match.type} ${match.match.kind} ${match.match.value}`).join(' or ')}`,
      }
  }
  return { accepted: true, spiffeId: requirement.verifyChain ? spiffeIdOf(certificate) : '' }
}

/** Tells if one of the certificate's names satisfies the condition. Several URI names are no SPIFFE identity and satisfy none. */
function matchesName(certificate: PeerCertificate, { type, match }: PeerNameMatch): boolean {
  const names = type === 'uri' ? certificate.uris : type === 'dns' ? certificate.dnsNames : certificate.ipAddresses
  if (type === 'uri' && names.length !== 1) return false
  const fold = type === 'dns'
  const wanted = fold ? match.value.toLowerCase() : match.value
  return names.some((name) => {
    const value = fold ? name.toLowerCase() : name
    if (match.kind === 'exact') return value === wanted || (fold && isWildcardOf(value, wanted))
    return match.kind === 'prefix' ? value.startsWith(wanted) : value.endsWith(wanted)
  })
}

/** `*.example.com` in a certificate stands for one label (RFC 6125 section 6.4.3), as Envoy reads exact DNS names. */
function isWildcardOf(name: string, wanted: string): boolean {
  return name.startsWith('*.') && wanted.indexOf('.') > 0 && name.slice(1) === wanted.slice(wanted.indexOf('.'))
}

function describeNames(certificate: PeerCertificate): string {
  const names = [...certificate.uris, ...certificate.dnsNames, ...certificate.ipAddresses]
  return names.length === 0 ? 'without a subject alternative name' : names.join(', ')
}

/** The handshake did not come to its end (`EPROTO`, `ECONNRESET`): as opposed to a chain that does not verify, this is never acceptable. */
function isHandshakeFailure(error: Error): boolean {
  const code = errorCode(error)
  return code === undefined || /^E[A-Z]+$/.test(code)
}

function errorCode(error: Error | undefined): string | undefined {
  const code: unknown = error === undefined ? undefined : Reflect.get(error, 'code')
  return typeof code === 'string' ? code : undefined
}
