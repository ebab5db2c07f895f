import { statSync } from 'node:fs'
import type {
  ClusterConfig,
  ListenerConfig,
  Secret,
  SecretRef,
  TlsCertificate,
  ValidationContext,
} from '../config/index.ts'
import { createTlsContext } from '../../net/index.ts'

/** What the watch is given. */
export interface TlsFileWatchOptions {
  /** Reads a PEM file; throws when it cannot. */
  readonly read: (path: string) => string
  /** Files of these resources changed: they are to be compiled again. */
  readonly onChange: (owners: ReadonlySet<string>) => void
  /** Pause between two looks, ms. */
  readonly pollMs: number
}

/**
 * Looks again and again at the PEM files that resources name. By their state and not by notifications: a mounted secret changes by a
 * symbolic link two directories up, of which a watch on the file hears nothing.
 */
export class TlsFileWatch {
  readonly #options: TlsFileWatchOptions
  readonly #owners = new Map<string, ReadonlySet<string>>()
  readonly #states = new Map<string, string>()
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(options: TlsFileWatchOptions) {
    this.#options = options
  }

  /** A reader that remembers in `files` what it was asked for. */
  reader(files: Set<string>): (path: string) => string {
    return (path) => {
      files.add(path)
      // Before it is read: a change in between is seen at the next look.
      this.#states.set(path, stateOf(path))
      return this.#options.read(path)
    }
  }

  /** Resource `owner` was accepted with these files; without any it is forgotten. */
  follow(owner: string, files: ReadonlySet<string>): void {
    if (files.size === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, files)
    const followed = new Set([...this.#owners.values()].flatMap((paths) => [...paths]))
    for (const path of this.#states.keys()) if (!followed.has(path)) this.#states.delete(path)
    if (followed.size === 0) this.close()
    else this.#timer ??= setInterval(() => this.#look(), this.#options.pollMs)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const changed = new Set<string>()
    for (const [path, before] of this.#states) {
      const now = stateOf(path)
      if (now === before) continue
      this.#states.set(path, now)
      changed.add(path)
    }
    if (changed.size === 0) return
    const owners = [...this.#owners].filter(([, files]) => !files.isDisjointFrom(changed))
    this.#options.onChange(new Set(owners.map(([owner]) => owner)))
  }
}

/** What tells two states of a file apart, through symbolic links. */
function stateOf(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path)
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch {
    return 'missing' // Unreadable is the same here: the reader says what is wrong.
  }
}

/** Why keys and bundles that a resource holds inline (those of files among them) cannot be used; undefined when they can. */
export function inlineTlsFault(resource: {
  readonly clusters?: readonly ClusterConfig[]
  readonly listeners?: readonly ListenerConfig[]
  readonly secrets?: readonly Secret[]
}): string | undefined {
  for (const { tls, transportMatches } of resource.clusters ?? []) {
    for (const config of [tls, ...transportMatches.map((match) => match.tls)]) {
      const fault = contextFault('client', config?.certificate, config?.validation)
      if (fault !== undefined) return fault
    }
  }
  for (const { filterChains, defaultFilterChain } of resource.listeners ?? []) {
    for (const chain of [...filterChains, defaultFilterChain]) {
      const fault = contextFault('server', chain?.tls?.certificate, chain?.tls?.validation)
      if (fault !== undefined) return fault
      for (const value of chain?.tls?.otherCertificates ?? []) {
        const other = contextFault('server', { kind: 'inline', value }, undefined)
        if (other !== undefined) return other
      }
    }
  }
  for (const secret of resource.secrets ?? []) {
    const fault =
      secret.kind === 'certificate'
        ? contextFault('server', { kind: 'inline', value: secret.certificate }, undefined)
        : contextFault('client', undefined, { kind: 'inline', value: secret.validation })
    if (fault !== undefined) return fault
  }
  return undefined
}

function contextFault(
  role: 'client' | 'server',
  certificate: SecretRef<TlsCertificate> | undefined,
  validation: SecretRef<ValidationContext> | undefined,
): string | undefined {
  const own = certificate?.kind === 'inline' ? certificate.value : undefined
  const trustedCa = validation?.kind === 'inline' ? validation.value.trustedCa : undefined
  if (own === undefined && trustedCa === undefined) return undefined
  const made = createTlsContext({ role, certificate: own, trustedCa, minVersion: 'TLSv1.2' })
  return made.ok ? undefined : made.error.message
}
