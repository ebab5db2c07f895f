import type { NamedContext, ServerTls } from './tls-material.ts'

/**
 * The certificate for a server name: the first that has it, then the first that has it by a wildcard, else the one that
 * stands first. Whether the client knows the kind of its key is not looked at.
 *
 * @param serverName Lower case; empty when the client asks for none.
 */
export function certificateFor(tls: ServerTls, serverName: string): Pick<NamedContext, 'context' | 'localSpiffeId'> {
  if (serverName === '' || tls.named.length === 0) return tls
  const dot = serverName.indexOf('.')
  const wildcard = dot < 0 ? undefined : `*${serverName.slice(dot)}`
  const having = (wanted: string | undefined): NamedContext | undefined =>
    wanted === undefined
      ? undefined
      : tls.named.find(({ dnsNames }) => dnsNames.some((name) => name.toLowerCase() === wanted))
  return having(serverName) ?? having(wildcard) ?? tls
}
