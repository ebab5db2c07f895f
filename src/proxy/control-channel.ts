import { err, MeshError, ok, type Result } from '../base/index.ts'
import {
  type ChannelCredentials,
  createChannelCredentials,
  plaintextCredentials,
  type ServerNameMatch,
} from '../xds/client/index.ts'
import type {
  ClusterConfig,
  Secret,
  SecretRef,
  SubjectAltNameMatch,
  TlsCertificate,
  ValidationContext,
} from './config/index.ts'

/** The gRPC channel to the control plane as the bootstrap's cluster describes it. */
export interface ControlChannel {
  /** Of the next attempt: endpoints are tried in turn. */
  readonly address: () => string
  readonly serverName: string | undefined
  /** Undefined while a secret that the cluster names is not there. */
  readonly credentials: (address: string) => ChannelCredentials | undefined
}

/**
 * Reads address and security of the control plane's cluster.
 *
 * @param secret Looks a secret up by name, at each attempt anew.
 */
export function createControlChannel(
  cluster: ClusterConfig,
  secret: (name: string) => Secret | undefined,
): Result<ControlChannel, MeshError> {
  const addresses = cluster.endpoints.map(({ address, port }) => {
    if (address.startsWith('/')) return `unix:${address}`
    return `${address.includes(':') ? `[${address}]` : address}:${port}`
  })
  if (addresses.length === 0) {
    return err(
      new MeshError('WEFT_PROXY_BOOTSTRAP', `Cluster ${cluster.name} of ads_config has no endpoint in load_assignment`),
    )
  }
  let attempts = 0
  return ok({
    address: () => {
      attempts += 1
      return addresses[(attempts - 1) % addresses.length] ?? ''
    },
    serverName: cluster.tls?.sni,
    credentials: (address) => credentialsOf(cluster, address, secret),
  })
}

function credentialsOf(
  { tls }: ClusterConfig,
  address: string,
  secret: (name: string) => Secret | undefined,
): ChannelCredentials | undefined {
  if (tls === undefined) return plaintextCredentials
  const certificate = tls.certificate === undefined ? undefined : certificateOf(tls.certificate, secret)
  const validation = tls.validation === undefined ? undefined : validationOf(tls.validation, secret)
  // A server that cannot be verified is never talked to, and a client certificate that is asked for is never left out.
  if (validation === undefined || (tls.certificate !== undefined && certificate === undefined)) return undefined
  return createChannelCredentials({
    address,
    trustBundle: validation.trustedCa,
    certificate,
    serverNames: [...tls.subjectAltNames, ...validation.subjectAltNames].map(toServerName),
  })
}

function certificateOf(
  ref: SecretRef<TlsCertificate>,
  secret: (name: string) => Secret | undefined,
): TlsCertificate | undefined {
  if (ref.kind === 'inline') return ref.value
  const found = secret(ref.name)
  return found?.kind === 'certificate' ? found.certificate : undefined
}

function validationOf(
  ref: SecretRef<ValidationContext>,
  secret: (name: string) => Secret | undefined,
): ValidationContext | undefined {
  if (ref.kind === 'inline') return ref.value
  const found = secret(ref.name)
  return found?.kind === 'validation' ? found.validation : undefined
}

function toServerName({ type, match }: SubjectAltNameMatch): ServerNameMatch {
  return { type, kind: match.kind, value: match.value }
}
