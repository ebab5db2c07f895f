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

/** An IP address as a number; undefined when the text is none. */
export function parseIp(text: string): { readonly value: bigint; readonly family: 4 | 6 } | undefined {
  const four = parseIpv4(text)
  if (four !== undefined) return { value: four, family: 4 }
  if (!text.includes(':')) return undefined
  const [head = '', tail, ...rest] = text.split('::')
  if (rest.length > 0) return undefined
  const left = groupsOf(head)
  const right = groupsOf(tail ?? '')
  if (left === undefined || right === undefined) return undefined
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  let value = 0n
  for (const group of [...left, ...Array.from({ length: missing }, () => 0), ...right])
    value = (value << 16n) | BigInt(group)
  return { value, family: 6 }
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined
    value = (value << 8n) | BigInt(part)
  }
  return value
}

/** 16-bit groups of one side of `::`; the last may be a dotted IPv4 address (RFC 4291 section 2.2). */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  for (const part of text.split(':')) {
    const four = part.includes('.') ? parseIpv4(part) : undefined
    if (four !== undefined) groups.push(Number(four >> 16n), Number(four & 0xffffn))
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}
