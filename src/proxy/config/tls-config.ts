/** Where a certificate or a trust bundle comes from: a secret of the secret table by name, or inline in the resource. */
export type SecretRef<Value> =
  { readonly kind: 'named'; readonly name: string } | { readonly kind: 'inline'; readonly value: Value }

/** A certificate chain with its key, PEM. */
export interface TlsCertificate {
  readonly certificateChain: string
  readonly privateKey: string
}

/** Whom to trust, PEM bundle, and who the peer must be. */
export interface ValidationContext {
  readonly trustedCa: string
  /** Empty: any peer that the bundle vouches for. */
  readonly subjectAltNames: readonly SubjectAltNameMatch[]
}

/** `match_typed_subject_alt_names`. */
export interface SubjectAltNameMatch {
  readonly type: 'uri' | 'dns' | 'ip'
  readonly match:
    | { readonly kind: 'exact'; readonly value: string }
    | { readonly kind: 'prefix'; readonly value: string }
    | { readonly kind: 'suffix'; readonly value: string }
}

/** A secret of the secret table. */
export type Secret =
  | { readonly kind: 'certificate'; readonly name: string; readonly certificate: TlsCertificate }
  | { readonly kind: 'validation'; readonly name: string; readonly validation: ValidationContext }

/** `TlsParameters`, compiled. */
export interface TlsParams {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** Absent: TLS 1.3. */
  readonly maxVersion?: 'TLSv1.2'
  /** Of TLS 1.2, in BoringSSL's notation; absent: the runtime's. */
  readonly cipherSuites?: string
}

/** `DownstreamTlsContext`, compiled. */
export interface ServerTlsConfig extends TlsParams {
  readonly certificate: SecretRef<TlsCertificate>
  /** Each is served to clients that ask for one of its names; `certificate` to all others. */
  readonly otherCertificates?: readonly TlsCertificate[]
  readonly validation: SecretRef<ValidationContext> | undefined
  /** Conditions on the peer beyond those of a named validation secret (combined_validation_context). */
  readonly subjectAltNames: readonly SubjectAltNameMatch[]
  readonly requireClientCertificate: boolean
  readonly alpn: readonly string[]
}

/** `UpstreamTlsContext`, compiled. */
export interface ClientTlsConfig extends TlsParams {
  readonly certificate: SecretRef<TlsCertificate> | undefined
  readonly validation: SecretRef<ValidationContext> | undefined
  readonly subjectAltNames: readonly SubjectAltNameMatch[]
  readonly sni: string | undefined
  readonly alpn: readonly string[]
}
