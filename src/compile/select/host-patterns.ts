/** The keys under which objects for a host may be filed, most specific first: the host, then `*.` suffixes, then `*`. */
export function hostPatterns(host: string): readonly string[] {
  const patterns = [host]
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    const pattern = `*${host.slice(dot)}`
    if (pattern !== host) patterns.push(pattern)
  }
  if (host !== '*') patterns.push('*')
  return patterns
}

/** An authority split into host and port; brackets of an IPv6 address are gone. */
export interface Authority {
  readonly host: string
  /** Absent when the authority names none. */
  readonly port: number | undefined
}

/** Splits `Host`-like text; undefined when it is not `host` or `host:port`. The host comes out in lower case without a final dot. */
export function parseAuthority(text: string): Authority | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:/?#@[\]\s]+))(?::(\d{1,5}))?$/.exec(text)
  if (match === null) return undefined
  const host = (match[1] ?? match[2] ?? '').toLowerCase().replace(/\.$/, '')
  const port = match[3] === undefined ? undefined : Number(match[3])
  if (host === '' || (port !== undefined && (port < 1 || port > 65535))) return undefined
  return { host, port }
}

/**
 * Fully qualified hosts that a name may mean in a namespace, first wins: as written, then `name`, `name.namespace` and
 * `name.namespace.svc` completed with the service domain (`svc.cluster.local`).
 */
export function qualifiedHosts(host: string, namespace: string, serviceDomain: string): readonly string[] {
  const labels = host.split('.')
  if (labels.length === 1) return [host, `${host}.${namespace}.${serviceDomain}`]
  if (labels.length === 2) return [host, `${host}.${serviceDomain}`]
  const [firstLabel] = serviceDomain.split('.')
  if (labels.length === 3 && labels[2] === firstLabel) {
    return [host, `${labels[0]}.${labels[1]}.${serviceDomain}`]
  }
  return [host]
}

/** Spellings by which clients in `clientNamespace` may call a service, longest first; hosts outside the service domain have one. */
export function spellingsOf(host: string, clientNamespace: string, serviceDomain: string): readonly string[] {
  const suffix = `.${serviceDomain}`
  if (!host.endsWith(suffix)) return [host]
  const short = host.slice(0, -suffix.length)
  const [name, namespace, ...rest] = short.split('.')
  if (name === undefined || namespace === undefined || rest.length > 0 || name === '*') return [host]
  const [firstLabel] = serviceDomain.split('.')
  const spellings = [host, `${short}.${firstLabel}`, short]
  if (namespace === clientNamespace) spellings.push(name)
  return spellings
}
