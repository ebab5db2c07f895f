import type { CidrRange } from '../../xds/generated/envoy/config/core/v3/address_pb.ts'
import {
  type FilterChainMatch as FilterChainMatchMessage,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from '../../xds/generated/envoy/config/listener/v3/listener_components_pb.ts'
import { isIpAddress, isIpv6Address } from './address-values.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'
import { boundedInteger } from './field-values.ts'
import type { AddressPrefix, FilterChain, FilterChainMatch } from './listener-config.ts'

/** Compiles the conditions of a filter chain; none match every connection. */
export function compileFilterChainMatch(
  context: CompileContext,
  path: string,
  match: FilterChainMatchMessage | undefined,
): FilterChainMatch {
  const port = match?.destinationPort
  const field = { value: port, absent: 0, min: 1, max: 65_535 }
  boundedInteger(context, fieldPath(path, 'destination_port'), field)
  const prefixes = (name: string, ranges: readonly CidrRange[] = []): readonly AddressPrefix[] =>
    compilePrefixes(context, fieldPath(path, name), ranges)
  return {
    destinationPort: port,
    destinationPrefixes: prefixes('prefix_ranges', match?.prefixRanges),
    serverNames: (match?.serverNames ?? []).map((name, index) =>
      compileServerName(context, `${path}.server_names[${index}]`, name),
    ),
    transportProtocol: match?.transportProtocol ?? '',
    applicationProtocols: match?.applicationProtocols ?? [],
    directSourcePrefixes: prefixes('direct_source_prefix_ranges', match?.directSourcePrefixRanges),
    sourceType: sourceTypes.get(match?.sourceType ?? SourceType.ANY) ?? 'any',
    sourcePrefixes: prefixes('source_prefix_ranges', match?.sourcePrefixRanges),
    sourcePorts: (match?.sourcePorts ?? []).map((value, index) =>
      boundedInteger(context, `${path}.source_ports[${index}]`, { value, absent: 0, min: 1, max: 65_535 }),
    ),
  }
}

const sourceTypes: ReadonlyMap<SourceType, FilterChainMatch['sourceType']> = new Map([
  [SourceType.ANY, 'any'],
  [SourceType.SAME_IP_OR_LOOPBACK, 'local'],
  [SourceType.EXTERNAL, 'external'],
])

/** Names on the wire are compared in lower case. */
function compileServerName(context: CompileContext, path: string, name: string): string {
  const plain = name.startsWith('*.') ? name.slice(1) : name
  if (plain.includes('*') || plain === '' || plain === '.')
    context.faults.add(path, `Expected a name, or one that begins with "*.", got ${JSON.stringify(name)}`)
  return plain.toLowerCase()
}

function compilePrefixes(
  context: CompileContext,
  path: string,
  ranges: readonly CidrRange[],
): readonly AddressPrefix[] {
  return ranges.map((range, index) => {
    const at = `${path}[${index}]`
    const address = range.addressPrefix
    if (!isIpAddress(address)) {
      context.faults.add(`${at}.address_prefix`, `Expected an IP address, got ${JSON.stringify(address)}`)
    }
    // An absent length is 0 in Envoy, which matches every address: a slip more often than a wish, but its meaning.
    const longest = isIpv6Address(address) ? 128 : 32
    const length = { value: range.prefixLen, absent: 0, min: 0, max: longest }
    return { address, length: boundedInteger(context, `${at}.prefix_len`, length) }
  })
}

/** Combinations of conditions that are compared; a listener with more of them has to be split. */
const maxCombinations = 100_000

/** Two chains for the same connections: Envoy refuses them too, as one could never be chosen. */
export function checkDistinctMatches(context: CompileContext, chains: readonly FilterChain[]): void {
  const seen = new Set<string>()
  chains.forEach(({ match }, index) => {
    const path = `filter_chains[${index}].filter_chain_match`
    const lists = conditionsOf(match)
    const combinations = lists.reduce((product, list) => product * Math.max(1, list.length), 1)
    if (seen.size + combinations > maxCombinations) {
      context.faults.add(path, `Expected at most ${maxCombinations} combinations of conditions`)
      return
    }
    const before = new Set<string>()
    for (const key of combine(lists)) {
      if (seen.has(key)) before.add(key)
      seen.add(key)
    }
    if (before.size > 0) context.faults.add(path, 'Matches what an earlier filter chain matches')
  })
}

function conditionsOf(match: FilterChainMatch): readonly (readonly string[])[] {
  const ranges = (prefixes: readonly AddressPrefix[]): string[] =>
    prefixes.map(({ address, length }) => `${address}/${length}`)
  return [
    match.destinationPort === undefined ? [] : [String(match.destinationPort)],
    ranges(match.destinationPrefixes),
    match.serverNames,
    [match.transportProtocol],
    match.applicationProtocols,
    ranges(match.directSourcePrefixes),
    [match.sourceType],
    ranges(match.sourcePrefixes),
    match.sourcePorts.map(String),
  ].map((list) => [...new Set(list)])
}

function combine(lists: readonly (readonly string[])[]): readonly string[] {
  let keys: readonly string[] = ['']
  for (const list of lists) {
    const values = list.length === 0 ? [''] : list
    keys = keys.flatMap((key) => values.map((value) => `${key} ${value}`))
  }
  return keys
}
