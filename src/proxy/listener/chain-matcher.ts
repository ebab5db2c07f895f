import { parseIp } from '../../base/index.ts'
import type { AddressPrefix, FilterChain, FilterChainMatch } from '../config/index.ts'

/** What filter chains are matched by. Unknown texts are empty. */
export interface MatchedConnection {
  /** Where the client wanted to go. */
  readonly destinationAddress: string
  readonly destinationPort: number
  /** Lower case. */
  readonly serverName: string
  readonly transportProtocol: 'tls' | 'raw_buffer'
  /** What the client speaks or offers, in its order. */
  readonly applicationProtocols: readonly string[]
  /** The peer of the socket, and who the PROXY protocol says it speaks for; the same without one. */
  readonly directSourceAddress: string
  readonly sourceAddress: string
  readonly sourcePort: number
}

/** Finds the filter chain of a connection; undefined when none matches and there is no default. */
export type ChainMatcher<Chain> = (connection: MatchedConnection) => Chain | undefined

/**
 * Compiles the chains of a listener as Envoy does. Conditions decide one after the other: destination port, destination
 * address, server name, transport protocol, application protocols, direct source, source type, source address, source port. At each
 * the most specific that holds is taken and the others are forgotten: there is no way back, but to the default chain.
 */
export function createChainMatcher<Chain extends { readonly config: Pick<FilterChain, 'match'> }>(
  chains: readonly Chain[],
  defaultChain: Chain | undefined,
): ChainMatcher<Chain> {
  const find = compileLevel(chains, 0)
  return (connection) => find(connection) ?? defaultChain
}

/** One condition. The key of a chain that does not ask for it is empty. */
interface Level {
  readonly keys: (match: FilterChainMatch) => readonly string[]
  /** Makes the choice among what stands behind the keys. */
  readonly prepare: <Child>(
    children: ReadonlyMap<string, Child>,
  ) => (connection: MatchedConnection) => Child | undefined
}

function compileLevel<Chain extends { readonly config: Pick<FilterChain, 'match'> }>(
  chains: readonly Chain[],
  depth: number,
): ChainMatcher<Chain> {
  const level = levels[depth]
  const [first] = chains
  if (level === undefined || first === undefined) return () => first
  const groups = new Map<string, Chain[]>()
  for (const chain of chains) {
    const keys = level.keys(chain.config.match)
    for (const key of keys.length === 0 ? [''] : new Set(keys)) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [chain])
      else group.push(chain)
    }
  }
  const children = new Map([...groups].map(([key, group]) => [key, compileLevel(group, depth + 1)]))
  const only = children.get('')
  if (children.size === 1 && only !== undefined) return only
  const choose = level.prepare(children)
  return (connection) => choose(connection)?.(connection)
}

const levels: readonly Level[] = [
  {
    keys: ({ destinationPort }) => (destinationPort === undefined ? [] : [String(destinationPort)]),
    prepare: (children) => (connection) => children.get(String(connection.destinationPort)) ?? children.get(''),
  },
  prefixLevel('destinationPrefixes', 'destinationAddress'),
  { keys: ({ serverNames }) => serverNames, prepare: prepareServerName },
  {
    keys: ({ transportProtocol }) => [transportProtocol],
    prepare: (children) => (connection) => children.get(connection.transportProtocol) ?? children.get(''),
  },
  { keys: ({ applicationProtocols }) => applicationProtocols, prepare: prepareApplicationProtocol },
  prefixLevel('directSourcePrefixes', 'directSourceAddress'),
  {
    keys: ({ sourceType }) => (sourceType === 'any' ? [] : [sourceType]),
    prepare: (children) => (connection) => children.get(isLocal(connection) ? 'local' : 'external') ?? children.get(''),
  },
  prefixLevel('sourcePrefixes', 'sourceAddress'),
  {
    keys: ({ sourcePorts }) => sourcePorts.map(String),
    prepare: (children) => (connection) => children.get(String(connection.sourcePort)) ?? children.get(''),
  },
]

/** The name itself, then what ends like it, the longest first. */
function prepareServerName<Child>(
  children: ReadonlyMap<string, Child>,
): (connection: MatchedConnection) => Child | undefined {
  return ({ serverName }) => {
    const exact = children.get(serverName)
    if (exact !== undefined) return exact
    for (let dot = serverName.indexOf('.', 1); dot > 0; dot = serverName.indexOf('.', dot + 1)) {
      const suffix = children.get(serverName.slice(dot))
      if (suffix !== undefined) return suffix
    }
    return children.get('')
  }
}

function prepareApplicationProtocol<Child>(
  children: ReadonlyMap<string, Child>,
): (connection: MatchedConnection) => Child | undefined {
  return ({ applicationProtocols }) => {
    for (const protocol of applicationProtocols) {
      const child = children.get(protocol)
      if (child !== undefined) return child
    }
    return children.get('')
  }
}

/** From this machine: by the loopback (of 127.0.0.0/8 Envoy means the first address only), or with the same address at both ends. */
function isLocal({ sourceAddress, destinationAddress }: MatchedConnection): boolean {
  return sourceAddress === '127.0.0.1' || sourceAddress === '::1' || sourceAddress === destinationAddress
}

/** What stands behind one prefix. */
interface PrefixEntry<Child> {
  readonly network: bigint
  readonly bits: number
  readonly family: 4 | 6
  readonly child: Child
}

/** The longest prefix that holds the address. */
function prefixLevel(
  field: 'destinationPrefixes' | 'directSourcePrefixes' | 'sourcePrefixes',
  address: 'destinationAddress' | 'directSourceAddress' | 'sourceAddress',
): Level {
  return {
    keys: (match) => match[field].flatMap(prefixKey),
    prepare: (children) => {
      const entries = toEntries(children)
      return (connection) => {
        const ip = parseIp(connection[address])
        if (ip === undefined) return children.get('')
        const width = ip.family === 4 ? 32 : 128
        // Sorted by length: the first that holds is the longest.
        const found = entries.find(
          ({ network, bits, family }) => family === ip.family && ip.value >> BigInt(width - bits) === network,
        )
        return found === undefined ? children.get('') : found.child
      }
    },
  }
}

/** The same text for ranges that are the same. */
function prefixKey({ address, length }: AddressPrefix): readonly string[] {
  const parsed = parseIp(address)
  if (parsed === undefined) return []
  const width = parsed.family === 4 ? 32 : 128
  const bits = Math.min(length, width)
  return [`${parsed.family} ${bits} ${parsed.value >> BigInt(width - bits)}`]
}

function toEntries<Child>(children: ReadonlyMap<string, Child>): readonly PrefixEntry<Child>[] {
  const entries: PrefixEntry<Child>[] = []
  for (const [key, child] of children) {
    const [family, bits = '0', network = '0'] = key.split(' ')
    if (key !== '')
      entries.push({ network: BigInt(network), bits: Number(bits), family: family === '4' ? 4 : 6, child })
  }
  return entries.sort((one, other) => other.bits - one.bits)
}
