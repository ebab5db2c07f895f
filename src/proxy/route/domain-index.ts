import { portSeparator } from './redirect-location.ts'

/** Finds what serves an authority. */
export interface DomainIndex<Host> {
  readonly find: (authority: string) => Host | undefined
}

/** A virtual host's domains and what they lead to. */
export interface DomainEntry<Host> {
  readonly name: string
  /** Lower case. */
  readonly domains: readonly string[]
  readonly host: Host
}

/** The same domain in two places; Envoy refuses such a table too. */
export interface DomainConflict {
  readonly domain: string
  readonly virtualHost: string
  readonly other: string
}

/** Domains that are claimed more than once, by one virtual host or by two. */
export function findDomainConflicts(
  entries: Iterable<Pick<DomainEntry<unknown>, 'name' | 'domains'>>,
): DomainConflict[] {
  const owner = new Map<string, string>()
  const conflicts: DomainConflict[] = []
  for (const { name, domains } of entries) {
    for (const domain of domains) {
      const other = owner.get(domain)
      if (other === undefined) owner.set(domain, name)
      else conflicts.push({ domain, virtualHost: name, other })
    }
  }
  return conflicts
}

/**
 * Indexes domains with Envoy's precedence: exact, then `*.example.com` and `*-x.example.com` (longest first), then
 * `www.example.*` (longest first), then `*`. Case does not count; the port of the authority does, unless `ignorePort`.
 * A wildcard stands for at least one character.
 */
export function createDomainIndex<Host>(entries: Iterable<DomainEntry<Host>>, ignorePort: boolean): DomainIndex<Host> {
  const exact = new Map<string, Host>()
  const suffixes = new WildcardMap<Host>()
  const prefixes = new WildcardMap<Host>()
  let fallback: Host | undefined
  for (const { domains, host } of entries) {
    for (const domain of domains) {
      if (domain === '*') fallback = host
      else if (domain.startsWith('*')) suffixes.add(domain.slice(1), host)
      else if (domain.endsWith('*')) prefixes.add(domain.slice(0, -1), host)
      else exact.set(domain, host)
    }
  }
  const suffixOf = (text: string, length: number): string => text.slice(text.length - length)
  const prefixOf = (text: string, length: number): string => text.slice(0, length)
  return {
    find: (authority) => {
      const name = (ignorePort ? withoutPort(authority) : authority).toLowerCase()
      return exact.get(name) ?? suffixes.find(name, suffixOf) ?? prefixes.find(name, prefixOf) ?? fallback
    },
  }
}

function withoutPort(authority: string): string {
  const colon = portSeparator(authority)
  return colon < 0 ? authority : authority.slice(0, colon)
}

/** Literal parts of wildcards by length, longest first. */
class WildcardMap<Host> {
  #byLength: { readonly length: number; readonly hosts: Map<string, Host> }[] = []

  add(literal: string, host: Host): void {
    let entry = this.#byLength.find(({ length }) => length === literal.length)
    if (entry === undefined) {
      entry = { length: literal.length, hosts: new Map() }
      this.#byLength.push(entry)
      this.#byLength.sort((a, b) => b.length - a.length)
    }
    entry.hosts.set(literal, host)
  }

  find(name: string, part: (text: string, length: number) => string): Host | undefined {
    for (const { length, hosts } of this.#byLength) {
      if (length >= name.length) continue
      const host = hosts.get(part(name, length))
      if (host !== undefined) return host
    }
    return undefined
  }
}
