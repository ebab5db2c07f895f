import { parseIp } from '../../base/index.ts'
import type { FilterChain } from '../config/index.ts'

/** Finds the filter chain of a connection by where it wanted to go; undefined when none matches and there is no default. */
export type ChainMatcher<Chain> = (address: string, port: number) => Chain | undefined

/** A chain under one of its prefixes. */
interface PrefixEntry<Chain> {
  readonly network: bigint
  readonly bits: number
  readonly family: 4 | 6
  readonly chain: Chain
}

/**
 * Compiles the chains of a listener in Envoy's order: the destination port decides first (a port that some chain names
 * is matched among those chains only), then the longest prefix, then the default chain.
 */
export function createChainMatcher<Chain extends { readonly config: Pick<FilterChain, 'match'> }>(
  chains: readonly Chain[],
  defaultChain: Chain | undefined,
): ChainMatcher<Chain> {
  const byPort = new Map<number | undefined, { readonly prefixes: PrefixEntry<Chain>[]; any: Chain | undefined }>()
  for (const chain of chains) {
    const { destinationPort, destinationPrefixes } = chain.config.match
    const group = byPort.get(destinationPort) ?? { prefixes: [], any: undefined }
    byPort.set(destinationPort, group)
    if (destinationPrefixes.length === 0) group.any ??= chain
    for (const { address, length } of destinationPrefixes) {
      const parsed = parseIp(address)
      if (parsed === undefined) continue
      const width = parsed.family === 4 ? 32 : 128
      const bits = Math.min(length, width)
      group.prefixes.push({ network: parsed.value >> BigInt(width - bits), bits, family: parsed.family, chain })
    }
  }
  for (const { prefixes } of byPort.values()) prefixes.sort((one, other) => other.bits - one.bits)
  return (address, port) => {
    const group = byPort.get(port) ?? byPort.get(undefined)
    if (group === undefined) return defaultChain
    return (
      (group.prefixes.length === 0 ? undefined : longestPrefix(group.prefixes, address)) ?? group.any ?? defaultChain
    )
  }
}

function longestPrefix<Chain>(prefixes: readonly PrefixEntry<Chain>[], address: string): Chain | undefined {
  const ip = parseIp(address)
  if (ip === undefined) return undefined
  const width = ip.family === 4 ? 32 : 128
  // Sorted by length: the first that holds is the longest.
  return prefixes.find(
    ({ network, bits, family }) => family === ip.family && ip.value >> BigInt(width - bits) === network,
  )?.chain
}
