/** Why a text is not a SPIFFE id, or a certificate does not carry a usable one. */
export interface IdentityFault {
  readonly code: 'WEFT_IDENTITY_INVALID'
  /** The part that is wrong. */
  readonly part: 'scheme' | 'trust-domain' | 'path' | 'length' | 'certificate'
  readonly message: string
}

/** Makes a fault. */
export function identityFault(part: IdentityFault['part'], message: string): IdentityFault {
  return { code: 'WEFT_IDENTITY_INVALID', part, message }
}
