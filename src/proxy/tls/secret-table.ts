import type { Secret, SecretRef, TlsCertificate, ValidationContext } from '../config/index.ts'

/** The current secrets by name. */
export interface SecretTable {
  /** Adds or replaces; returns false when nothing changed. */
  readonly put: (secret: Secret) => boolean
  /** Grows with every change. */
  readonly version: number
  /** The value of a reference; undefined while a named secret has not come. */
  readonly certificate: (ref: SecretRef<TlsCertificate>) => TlsCertificate | undefined
  readonly validation: (ref: SecretRef<ValidationContext>) => ValidationContext | undefined
}

/** Makes an empty table. */
export function createSecretTable(): SecretTable {
  const certificates = new Map<string, TlsCertificate>()
  const validations = new Map<string, ValidationContext>()
  let version = 0
  return {
    put(secret) {
      const old = secret.kind === 'certificate' ? certificates.get(secret.name) : validations.get(secret.name)
      const value = secret.kind === 'certificate' ? secret.certificate : secret.validation
      if (Bun.deepEquals(old, value, true)) return false
      if (secret.kind === 'certificate') certificates.set(secret.name, secret.certificate)
      else validations.set(secret.name, secret.validation)
      version += 1
      return true
    },
    get version() {
      return version
    },
    certificate: (ref) => (ref.kind === 'inline' ? ref.value : certificates.get(ref.name)),
    validation: (ref) => (ref.kind === 'inline' ? ref.value : validations.get(ref.name)),
  }
}
