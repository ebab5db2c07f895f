import type { Brand, Result } from '../base/index.ts'
import { err, ok } from '../base/index.ts'
import { identityFault, type IdentityFault } from './identity-fault.ts'

/** Name of a SPIFFE trust domain: lower-case letters, digits, `.`, `-` and `_`, at most 255 bytes. */
export type TrustDomain = Brand<string, 'TrustDomain'>

/** Checks the spelling of a trust domain name (SPIFFE-ID 2.1); upper case is refused, not folded. */
export function parseTrustDomain(text: string): Result<TrustDomain, IdentityFault> {
  if (text === '') return err(identityFault('trust-domain', 'Expected a trust domain name, got an empty text'))
  if (text.length > 255) {
    return err(identityFault('trust-domain', `Expected a trust domain of at most 255 bytes, got ${text.length}`))
  }
  if (!/^[a-z0-9._-]+$/.test(text)) {
    return err(
      identityFault(
        'trust-domain',
        `Expected lower-case letters, digits, ".", "-" and "_", got "${text.slice(0, 80)}"`,
      ),
    )
  }
  return ok(text as TrustDomain)
}
