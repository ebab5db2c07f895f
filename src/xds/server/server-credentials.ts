import { experimental, type ServerCredentials } from '@grpc/grpc-js'
import type { ServerIdentity } from './contract.ts'

/** Server credentials whose certificate and trust bundle can be replaced while the server runs. */
export interface RotatingCredentials {
  readonly credentials: ServerCredentials
  /** New connections use it; open ones live on. */
  readonly setIdentity: (identity: ServerIdentity) => void
}

/** Mutual TLS: a client without a certificate that chains to the bundle gets no connection. */
export function createRotatingCredentials(identity: ServerIdentity): RotatingCredentials {
  const provider = new MemoryCertificateProvider(identity)
  return {
    credentials: experimental.createCertificateProviderServerCredentials(provider, provider, true),
    setIdentity: (next) => provider.setIdentity(next),
  }
}

/** grpc-js asks such a provider for certificates and listens for changes; its own one reads files by polling. */
class MemoryCertificateProvider implements experimental.CertificateProvider {
  #identity: ServerIdentity
  readonly #authorityListeners = new Set<experimental.CaCertificateUpdateListener>()
  readonly #identityListeners = new Set<experimental.IdentityCertificateUpdateListener>()

  constructor(identity: ServerIdentity) {
    this.#identity = identity
  }

  setIdentity(identity: ServerIdentity): void {
    this.#identity = identity
    for (const listener of this.#authorityListeners) this.#tellAuthority(listener)
    for (const listener of this.#identityListeners) this.#tellIdentity(listener)
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#authorityListeners.add(listener)
    // Not at once: the credentials pass news on only to the server that is about to register itself.
    queueMicrotask(() => this.#tellAuthority(listener))
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#authorityListeners.delete(listener)
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.add(listener)
    queueMicrotask(() => this.#tellIdentity(listener))
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.delete(listener)
  }

  #tellAuthority(listener: experimental.CaCertificateUpdateListener): void {
    listener({ caCertificate: Buffer.from(this.#identity.trustBundle) })
  }

  #tellIdentity(listener: experimental.IdentityCertificateUpdateListener): void {
    listener({
      certificate: Buffer.from(this.#identity.certificateChain),
      privateKey: Buffer.from(this.#identity.privateKey),
    })
  }
}
