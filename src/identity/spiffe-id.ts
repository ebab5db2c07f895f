import type { Result } from '../base/index.ts'
import { err, invariant, ok } from '../base/index.ts'
import { identityFault, type IdentityFault } from './identity-fault.ts'
import { parseTrustDomain, type TrustDomain } from './trust-domain.ts'

/** A SPIFFE id of a workload, checked. */
export interface SpiffeId {
  readonly trustDomain: TrustDomain
  /** Starts with `/`, no trailing slash, no empty, `.` or `..` segment. */
  readonly path: string
}

/** What Weft's own ids name: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export interface WorkloadAccount {
  readonly namespace: string
  readonly serviceAccount: string
}

/** Longest SPIFFE id in bytes (SPIFFE-ID 2.3). */
const maxSpiffeIdLength = 2048

const scheme = 'spiffe://'

/**
 * Reads a workload's SPIFFE id strictly: lower-case scheme and trust domain, a path, no user, port, query, fragment or
 * percent escape. An id without a path names a trust domain, not a workload, and is refused.
 */
export function parseSpiffeId(text: string): Result<SpiffeId, IdentityFault> {
  if (text.length > maxSpiffeIdLength) {
    return err(identityFault('length', `Expected at most ${maxSpiffeIdLength} bytes, got ${text.length}`))
  }
  if (!text.startsWith(scheme)) {
    return err(identityFault('scheme', `Expected an id that starts with ${scheme}, got "${text.slice(0, 80)}"`))
  }
  const slash = text.indexOf('/', scheme.length)
  const trustDomain = parseTrustDomain(text.slice(scheme.length, slash < 0 ? undefined : slash))
  if (!trustDomain.ok) return trustDomain
  if (slash < 0) return err(identityFault('path', `Expected a path after the trust domain, got "${text.slice(0, 80)}"`))
  const path = text.slice(slash)
  for (const segment of path.slice(1).split('/')) {
    if (segment === '' || segment === '.' || segment === '..' || !/^[A-Za-z0-9._-]+$/.test(segment)) {
      return err(
        identityFault(
          'path',
          `Expected path segments of letters, digits, ".", "-" and "_", got "${path.slice(0, 80)}"`,
        ),
      )
    }
  }
  return ok({ trustDomain: trustDomain.value, path })
}

/** Writes an id as its URI. */
export function formatSpiffeId(id: SpiffeId): string {
  return `${scheme}${id.trustDomain}${id.path}`
}

/**
 * The id of a workload's account, as Istio spells it.
 *
 * @throws {BugError} If a part is not a name; callers check user input before.
 */
export function spiffeIdOf(trustDomain: string, namespace: string, serviceAccount: string): string {
  const text = `${scheme}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`
  const parsed = parseSpiffeId(text)
  invariant(parsed.ok && workloadAccountOf(parsed.value) !== undefined, `Not a SPIFFE id: ${text.slice(0, 200)}`)
  return text
}

/** Namespace and service account of an id of Weft's or Istio's form; undefined for any other path. */
export function workloadAccountOf(id: SpiffeId): WorkloadAccount | undefined {
  const [, ns, namespace, sa, serviceAccount, ...rest] = id.path.split('/')
  if (ns !== 'ns' || sa !== 'sa' || namespace === undefined || serviceAccount === undefined || rest.length > 0) {
    return undefined
  }
  return { namespace, serviceAccount }
}

/** Text that every id of the trust domain starts with: `spiffe://cluster.local/`. */
export function trustDomainPrefix(trustDomain: string): string {
  return `${scheme}${trustDomain}/`
}
