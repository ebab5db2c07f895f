import { err, ok, type Result } from '../../base/index.ts'
import {
  type AcceptTlsOptions,
  type ConnectTls,
  createTlsContext,
  dnsNamesOfPem,
  hasEcdsaKey,
  spiffeIdOfPem,
  type TlsContext,
  type TlsContextOptions,
} from '../../net/index.ts'
import type {
  ClientTlsConfig,
  SecretRef,
  ServerTlsConfig,
  TlsCertificate,
  TlsParams,
  ValidationContext,
} from '../config/index.ts'
import type { SecretTable } from './secret-table.ts'

/** TLS configuration made usable with the secrets of this moment. */
export interface TlsMaterial {
  /** How to connect; the error says what is missing or broken, and nobody may connect then. */
  readonly client: (config: ClientTlsConfig) => Result<ClientTls, string>
  /** How to accept; the error says what is missing or broken, and nobody may be accepted then. */
  readonly server: (config: ServerTlsConfig) => Result<ServerTls, string>
  /** True when every named secret of the configuration is there. */
  readonly isComplete: (config: ClientTlsConfig | ServerTlsConfig) => boolean
}

/** A certificate that is served to who asks for one of its names. */
export interface NamedContext {
  readonly dnsNames: readonly string[]
  /** Its key is one for ECDSA. */
  readonly ecdsa: boolean
  readonly context: TlsContext
  readonly localSpiffeId: string
}

/** TLS of a listener with what others need to know of the certificate served. */
export interface ServerTls extends AcceptTlsOptions {
  /** All certificates in their order when there are several, else none; see `certificateFor`. */
  readonly named: readonly NamedContext[]
  /** Empty when the certificate names no SPIFFE id. */
  readonly localSpiffeId: string
}

/** TLS of a cluster with who we are to its endpoints. */
export interface ClientTls extends ConnectTls {
  /** Empty when there is no certificate, or it names no SPIFFE id. */
  readonly localSpiffeId: string
}

/** What was made for a configuration, valid while the secrets do not change. */
interface Made<Value> {
  readonly version: number
  readonly value: Result<Value, string>
}

/** Makes material from a secret table. Contexts are parsed once per distinct keys and trust, and shared by all clusters and listeners. */
export function createTlsMaterial(secrets: SecretTable): TlsMaterial {
  const clients = new WeakMap<ClientTlsConfig, Made<ClientTls>>()
  const servers = new WeakMap<ServerTlsConfig, Made<ServerTls>>()
  const contexts = new ContextCache()
  return {
    client(config) {
      const known = clients.get(config)
      if (known?.version === secrets.version) return known.value
      const value = makeClient(config, secrets, contexts)
      clients.set(config, { version: secrets.version, value })
      return value
    },
    server(config) {
      const known = servers.get(config)
      if (known?.version === secrets.version) return known.value
      const value = makeServer(config, secrets, contexts)
      servers.set(config, { version: secrets.version, value })
      return value
    },
    isComplete: (config) =>
      (config.certificate === undefined || secrets.certificate(config.certificate) !== undefined) &&
      (config.validation === undefined || secrets.validation(config.validation) !== undefined),
  }
}

function makeClient(config: ClientTlsConfig, secrets: SecretTable, contexts: ContextCache): Result<ClientTls, string> {
  const certificate = config.certificate === undefined ? undefined : secrets.certificate(config.certificate)
  if (config.certificate !== undefined && certificate === undefined) return err(waitingFor(config.certificate))
  const validation = config.validation === undefined ? undefined : secrets.validation(config.validation)
  if (config.validation !== undefined && validation === undefined) return err(waitingFor(config.validation))
  const names = [config.subjectAltNames, validation?.subjectAltNames ?? []]
  const verifyChain = validation !== undefined || config.subjectAltNames.length > 0
  if (verifyChain && isEmpty(validation?.trustedCa)) return err('The peer is to be verified and there is no trusted CA')
  const context = contexts.get(secrets.version, {
    role: 'client',
    certificate,
    trustedCa: validation?.trustedCa,
    ...paramsOf(config),
  })
  if (!context.ok) return context
  const requirement = { verifyChain, requireCertificate: true, names }
  return ok({
    context: context.value,
    alpn: config.alpn,
    sni: config.sni,
    requirement,
    localSpiffeId: certificate === undefined ? '' : spiffeIdOfPem(certificate.certificateChain),
  })
}

function nameContext({ certificateChain }: TlsCertificate, context: TlsContext): NamedContext {
  return {
    dnsNames: dnsNamesOfPem(certificateChain),
    ecdsa: hasEcdsaKey(certificateChain),
    context,
    localSpiffeId: spiffeIdOfPem(certificateChain),
  }
}

function makeServer(config: ServerTlsConfig, secrets: SecretTable, contexts: ContextCache): Result<ServerTls, string> {
  const certificate = secrets.certificate(config.certificate)
  if (certificate === undefined) return err(waitingFor(config.certificate))
  const validation = config.validation === undefined ? undefined : secrets.validation(config.validation)
  if (config.validation !== undefined && validation === undefined) return err(waitingFor(config.validation))
  const verifyChain = validation !== undefined || config.subjectAltNames.length > 0 || config.requireClientCertificate
  if (verifyChain && isEmpty(validation?.trustedCa))
    return err('The client is to be verified and there is no trusted CA')
  const names = [config.subjectAltNames, validation?.subjectAltNames ?? []]
  const contextOf = (own: TlsCertificate): Result<TlsContext, string> =>
    contexts.get(secrets.version, {
      role: 'server',
      certificate: own,
      trustedCa: validation?.trustedCa,
      ...paramsOf(config),
      requestCertificate: verifyChain,
    })
  const context = contextOf(certificate)
  if (!context.ok) return context
  const named: NamedContext[] = []
  for (const other of config.otherCertificates ?? []) {
    const made = contextOf(other)
    if (!made.ok) return made
    named.push(nameContext(other, made.value))
  }
  return ok({
    context: context.value,
    named: named.length === 0 ? named : [nameContext(certificate, context.value), ...named],
    alpn: config.alpn,
    requirement: {
      verifyChain,
      // As in Envoy, a name that is asked for is one that must be shown.
      requireCertificate: config.requireClientCertificate || names.some((list) => list.length > 0),
      names,
    },
    localSpiffeId: spiffeIdOfPem(certificate.certificateChain),
  })
}

/** What contexts are told of versions and suites. */
function paramsOf({ minVersion, maxVersion, cipherSuites }: TlsParams): TlsParams {
  return {
    minVersion,
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(cipherSuites === undefined ? {} : { cipherSuites }),
  }
}

/** Contexts that are kept; certificates in the resources themselves may change with no change of a secret. Sessions of what is let go are not resumed. */
const maxContexts = 4096

/** Contexts by their content, for one version of the secrets; a new version starts afresh, so nothing withdrawn lives on. */
class ContextCache {
  #version = -1
  readonly #contexts = new Map<string, Result<TlsContext, string>>()

  get(version: number, options: TlsContextOptions): Result<TlsContext, string> {
    if (version !== this.#version) {
      this.#contexts.clear()
      this.#version = version
    }
    const key = JSON.stringify(options)
    const known = this.#contexts.get(key)
    if (known !== undefined) return known
    if (this.#contexts.size >= maxContexts) this.#contexts.clear()
    const made = createTlsContext(options)
    const context: Result<TlsContext, string> = made.ok ? made : err(made.error.message)
    this.#contexts.set(key, context)
    return context
  }
}

function isEmpty(text: string | undefined): boolean {
  return text === undefined || text.trim() === ''
}

function waitingFor(ref: SecretRef<TlsCertificate> | SecretRef<ValidationContext>): string {
  return `Waiting for the secret ${ref.kind === 'named' ? ref.name : '(inline)'}`
}
