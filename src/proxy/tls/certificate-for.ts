import type { NamedContext, ServerTls } from './tls-material.ts'

/** What a client hello says that decides the certificate. */
export interface CertificateWish {
  /** Lower case; empty when the client asks for none. */
  readonly serverName: string
  /** The client verifies ECDSA signatures. */
  readonly ecdsa: boolean
}

/**
 * The certificate for a client: of those that have the server name, else of those that have it by a wildcard, the first whose key
 * suits (ECDSA for who knows it). For an unknown name the one that stands first, for none the first that suits.
 */
export function certificateFor(
  tls: ServerTls,
  { serverName, ecdsa }: CertificateWish,
): Pick<NamedContext, 'context' | 'localSpiffeId'> {
  if (tls.named.length === 0) return tls
  const suits = (candidates: readonly NamedContext[]): NamedContext | undefined =>
    candidates.find((candidate) => candidate.ecdsa === ecdsa) ?? candidates[0]
  if (serverName === '') return suits(tls.named) ?? tls
  const having = (wanted: string): NamedContext | undefined =>
    suits(tls.named.filter(({ dnsNames }) => dnsNames.some((name) => name.toLowerCase() === wanted)))
  const dot = serverName.indexOf('.')
  return having(serverName) ?? (dot < 0 ? undefined : having(`*${serverName.slice(dot)}`)) ?? tls
}
