import { UsageError } from './cli-error.ts'

/** A kind that the store knows, with the names by which people call it. */
export interface KnownKind {
  readonly group: string
  readonly kind: string
  readonly short: readonly string[]
}

const networking = 'networking.istio.io'

/** The kinds of objects that can be applied. */
const knownKinds: readonly KnownKind[] = [
  { group: 'core', kind: 'Service', short: ['svc'] },
  { group: 'core', kind: 'ServiceAccount', short: ['sa'] },
  { group: 'core', kind: 'Pod', short: ['po'] },
  { group: 'apps', kind: 'Deployment', short: ['deploy'] },
  { group: networking, kind: 'VirtualService', short: ['vs'] },
  { group: networking, kind: 'DestinationRule', short: ['dr'] },
  { group: networking, kind: 'ServiceEntry', short: ['se'] },
  { group: networking, kind: 'WorkloadEntry', short: ['we'] },
  { group: networking, kind: 'Gateway', short: ['gw'] },
]

function names(known: KnownKind): readonly string[] {
  const single = known.kind.toLowerCase()
  const plural = single.endsWith('y') ? `${single.slice(0, -1)}ies` : `${single}s`
  return [single, plural, ...known.short, `${plural}.${known.group}`, `${single}.${known.group}`]
}

/**
 * The kind that a user means: full, plural, short, or with its group; letter case does not matter.
 *
 * @throws {UsageError} If no kind has that name.
 */
export function findKind(text: string): KnownKind {
  const wanted = text.toLowerCase()
  const found = knownKinds.find((known) => names(known).includes(wanted))
  if (found === undefined) {
    const list = knownKinds.map(({ kind, short }) => `${kind} (${short.join(', ')})`).join(', ')
    throw new UsageError(`Unknown kind ${text}`, `Use one of: ${list}`)
  }
  return found
}
