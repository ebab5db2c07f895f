import type { TransportSocket } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import { RawBufferSchema } from '../../xds/generated/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import {
  SubjectAltNameMatcher_SanType,
  type CertificateValidationContext,
  type SubjectAltNameMatcher,
  type TlsCertificate as TlsCertificateMessage,
} from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import type { SdsSecretConfig } from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  type CommonTlsContext,
} from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { unpackAny } from './any-types.ts'
import type { CompileContext } from './compile-context.ts'
import { compileTlsParams } from './compile-tls-params.ts'
import { requireSecretSource } from './config-source.ts'
import { fieldPath } from './fault-list.ts'
import { tlsSourceText, requiredText } from './field-values.ts'
import type {
  ClientTlsConfig,
  SecretRef,
  ServerTlsConfig,
  SubjectAltNameMatch,
  TlsCertificate,
  ValidationContext,
} from './tls-config.ts'

/** Compiles a filter chain's transport socket; undefined is plain text. */
export function compileServerTransport(
  context: CompileContext,
  path: string,
  socket: TransportSocket | undefined,
): ServerTlsConfig | undefined {
  const any = socket?.configType.case === 'typedConfig' ? socket.configType.value : undefined
  if (socket === undefined || unpackAny(any, RawBufferSchema) !== undefined) return undefined
  const at = fieldPath(path, 'typed_config')
  const tls = unpackAny(any, DownstreamTlsContextSchema)
  if (tls === undefined) {
    context.faults.add(at, 'Expected a DownstreamTlsContext or a RawBuffer')
    return undefined
  }
  const common = compileCommon(context, fieldPath(at, 'common_tls_context'), tls.commonTlsContext)
  if (common.certificate === undefined) {
    context.faults.add(fieldPath(at, 'common_tls_context'), 'Expected a certificate, inline or by SDS')
    return undefined
  }
  const requireClientCertificate = tls.requireClientCertificate ?? false
  if (requireClientCertificate && common.validation === undefined) {
    context.faults.add(fieldPath(at, 'require_client_certificate'), 'Expected a validation context with a trusted CA')
  }
  const others = compileOtherCertificates(context, fieldPath(at, 'common_tls_context'), tls.commonTlsContext)
  return {
    ...common,
    certificate: common.certificate,
    ...(others.length === 0 ? {} : { otherCertificates: others }),
    requireClientCertificate,
  }
}

/** Compiles a cluster's transport socket; undefined is plain text. */
export function compileClientTransport(
  context: CompileContext,
  path: string,
  socket: TransportSocket | undefined,
): ClientTlsConfig | undefined {
  const any = socket?.configType.case === 'typedConfig' ? socket.configType.value : undefined
  if (socket === undefined || unpackAny(any, RawBufferSchema) !== undefined) return undefined
  const at = fieldPath(path, 'typed_config')
  const tls = unpackAny(any, UpstreamTlsContextSchema)
  if (tls === undefined) {
    context.faults.add(at, 'Expected an UpstreamTlsContext or a RawBuffer')
    return undefined
  }
  const common = compileCommon(context, fieldPath(at, 'common_tls_context'), tls.commonTlsContext)
  if ((tls.commonTlsContext?.tlsCertificates.length ?? 0) > 1)
    context.faults.add(fieldPath(at, 'common_tls_context.tls_certificates[1]'), 'Expected one certificate of a client')
  return { ...common, sni: tls.sni === '' ? undefined : tls.sni }
}

/** Compiles an inline certificate; both halves are needed. */
export function compileCertificate(
  context: CompileContext,
  path: string,
  message: TlsCertificateMessage,
): TlsCertificate {
  const part = (field: string, text: string | undefined): string => {
    if (text === undefined) context.faults.add(fieldPath(path, field), 'Expected PEM text')
    return text ?? ''
  }
  const chainPath = fieldPath(path, 'certificate_chain')
  const keyPath = fieldPath(path, 'private_key')
  return {
    certificateChain: part('certificate_chain', tlsSourceText(context, chainPath, message.certificateChain)),
    privateKey: part('private_key', tlsSourceText(context, keyPath, message.privateKey)),
  }
}

/** Compiles an inline validation context; a trusted CA is needed, names without one prove nothing. */
export function compileValidation(
  context: CompileContext,
  path: string,
  message: CertificateValidationContext,
): ValidationContext {
  const trustedCa = tlsSourceText(context, fieldPath(path, 'trusted_ca'), message.trustedCa)
  if (trustedCa === undefined) context.faults.add(fieldPath(path, 'trusted_ca'), 'Expected a PEM bundle')
  return { trustedCa: trustedCa ?? '', subjectAltNames: compileNames(context, path, message) }
}

type CommonTls = Omit<ClientTlsConfig, 'sni'>

function compileCommon(context: CompileContext, path: string, common: CommonTlsContext | undefined): CommonTls {
  return {
    certificate: compileCertificateRef(context, path, common),
    ...compileValidationRef(context, path, common),
    alpn: (common?.alpnProtocols ?? []).map((protocol, index) => {
      if (protocol === '' || protocol.length > 255) {
        context.faults.add(`${path}.alpn_protocols[${index}]`, 'Expected 1 to 255 characters')
      }
      return protocol
    }),
    ...compileTlsParams(context, fieldPath(path, 'tls_params'), common?.tlsParams),
  }
}

function compileCertificateRef(
  context: CompileContext,
  path: string,
  common: CommonTlsContext | undefined,
): SecretRef<TlsCertificate> | undefined {
  const inline = common?.tlsCertificates ?? []
  const named = common?.tlsCertificateSdsSecretConfigs ?? []
  if (named.length > 1 || (named.length > 0 && inline.length > 0)) {
    const text = 'More than one certificate by SDS, or beside inline ones, is not implemented by this proxy'
    context.faults.add(fieldPath(path, 'tls_certificate_sds_secret_configs'), text)
  }
  const [certificate] = inline
  if (certificate !== undefined) {
    const at = `${fieldPath(path, 'tls_certificates')}[0]`
    return { kind: 'inline', value: compileCertificate(context, at, certificate) }
  }
  const [secret] = named
  if (secret === undefined) return undefined
  return compileSecretRef(context, `${fieldPath(path, 'tls_certificate_sds_secret_configs')}[0]`, secret)
}

/** Certificates behind the first: each serves the names that it has. */
function compileOtherCertificates(
  context: CompileContext,
  path: string,
  common: CommonTlsContext | undefined,
): readonly TlsCertificate[] {
  const others = common?.tlsCertificates.slice(1) ?? []
  return others.map((certificate, index) =>
    compileCertificate(context, `${fieldPath(path, 'tls_certificates')}[${index + 1}]`, certificate),
  )
}

function compileSecretRef(
  context: CompileContext,
  path: string,
  secret: SdsSecretConfig,
): { readonly kind: 'named'; readonly name: string } {
  requireSecretSource(context, fieldPath(path, 'sds_config'), secret.sdsConfig)
  return { kind: 'named', name: requiredText(context, fieldPath(path, 'name'), secret.name) }
}

function compileValidationRef(
  context: CompileContext,
  path: string,
  common: CommonTlsContext | undefined,
): Pick<CommonTls, 'validation' | 'subjectAltNames'> {
  const choice = common?.validationContextType
  switch (choice?.case) {
    case 'validationContext': {
      const at = fieldPath(path, 'validation_context')
      return {
        validation: { kind: 'inline', value: compileValidation(context, at, choice.value) },
        subjectAltNames: [],
      }
    }
    case 'validationContextSdsSecretConfig': {
      const at = fieldPath(path, 'validation_context_sds_secret_config')
      return { validation: compileSecretRef(context, at, choice.value), subjectAltNames: [] }
    }
    case 'combinedValidationContext': {
      const at = fieldPath(path, 'combined_validation_context')
      const { defaultValidationContext: own, validationContextSdsSecretConfig: secret } = choice.value
      const ownPath = fieldPath(at, 'default_validation_context')
      const secretPath = fieldPath(at, 'validation_context_sds_secret_config')
      if (secret === undefined) context.faults.add(secretPath, 'Expected a secret name')
      if (own?.trustedCa !== undefined) {
        context.faults.add(`${ownPath}.trusted_ca`, 'A CA beside that of the secret is not implemented by this proxy')
      }
      return {
        validation: secret === undefined ? undefined : compileSecretRef(context, secretPath, secret),
        subjectAltNames: own === undefined ? [] : compileNames(context, ownPath, own),
      }
    }
    default:
      return { validation: undefined, subjectAltNames: [] }
  }
}

const nameTypes: ReadonlyMap<SubjectAltNameMatcher_SanType, SubjectAltNameMatch['type']> = new Map([
  [SubjectAltNameMatcher_SanType.DNS, 'dns'],
  [SubjectAltNameMatcher_SanType.URI, 'uri'],
  [SubjectAltNameMatcher_SanType.IP_ADDRESS, 'ip'],
])

function compileNames(
  context: CompileContext,
  path: string,
  message: CertificateValidationContext,
): readonly SubjectAltNameMatch[] {
  const names = message.matchTypedSubjectAltNames
  return names.flatMap((name, index) => compileName(context, `${path}.match_typed_subject_alt_names[${index}]`, name))
}

function compileName(context: CompileContext, path: string, name: SubjectAltNameMatcher): SubjectAltNameMatch[] {
  const type = nameTypes.get(name.sanType)
  if (type === undefined) {
    context.faults.add(fieldPath(path, 'san_type'), 'Expected DNS, URI or IP_ADDRESS')
    return []
  }
  const matcher = name.matcher
  const pattern = matcher?.matchPattern
  if (matcher?.ignoreCase === true) {
    context.faults.add(`${path}.matcher.ignore_case`, 'Matching names without regard to case is not implemented')
  }
  switch (pattern?.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
      return [{ type, match: { kind: pattern.case, value: pattern.value } }]
    default:
      context.faults.add(
        fieldPath(path, 'matcher'),
        `Expected exact, prefix or suffix, got ${pattern?.case ?? 'nothing'}`,
      )
      return []
  }
}
