import type { Init } from './init.ts'
import { RawBufferSchema } from '../../xds/generated/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import {
  type CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../xds/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { secretName } from '../../xds/index.ts'
import type { ClientTlsPlan, PeerName } from '../plan.ts'
import { sdsSource } from './config-source.ts'
import { extension } from './extension.ts'

const sanTypes = {
  uri: SubjectAltNameMatcher_SanType.URI,
  dns: SubjectAltNameMatcher_SanType.DNS,
  ip: SubjectAltNameMatcher_SanType.IP_ADDRESS,
} as const

const tlsSocket = 'envoy.transport_sockets.tls'

/** No encryption, said explicitly. */
export function rawBuffer(): ReturnType<typeof extension> {
  return extension('envoy.transport_sockets.raw_buffer', RawBufferSchema, {})
}

/** mTLS of an inbound listener: a client certificate is required and must name an id of the trust domain. */
export function downstreamTls(trustDomainPrefix: string, alpn: readonly string[]): ReturnType<typeof extension> {
  const peers: PeerName[] = [{ type: 'uri', match: 'prefix', value: trustDomainPrefix }]
  return extension(tlsSocket, DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: meshContext(alpn, peers),
  })
}

/** TLS towards an upstream. */
export function upstreamTls(plan: ClientTlsPlan): ReturnType<typeof extension> {
  return extension(tlsSocket, UpstreamTlsContextSchema, {
    ...(plan.sni === undefined ? {} : { sni: plan.sni }),
    commonTlsContext: plan.kind === 'mesh' ? meshContext(plan.alpn, plan.peers) : fileContext(plan),
  })
}

/** Both ends of the range: without a maximum, Envoy's client side speaks TLS 1.2 at most. */
function tlsVersions(minimum: TlsParameters_TlsProtocol) {
  return { tlsMinimumProtocolVersion: minimum, tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3 }
}

function meshContext(alpn: readonly string[], peers: readonly PeerName[]): Init<typeof CommonTlsContextSchema> {
  return {
    tlsParams: tlsVersions(TlsParameters_TlsProtocol.TLSv1_3),
    alpnProtocols: [...alpn],
    tlsCertificateSdsSecretConfigs: [{ name: secretName.certificate, sdsConfig: sdsSource() }],
    validationContextType: {
      case: 'combinedValidationContext',
      value: {
        defaultValidationContext: peerNames(peers),
        validationContextSdsSecretConfig: { name: secretName.bundle, sdsConfig: sdsSource() },
      },
    },
  }
}

function fileContext(plan: Extract<ClientTlsPlan, { readonly kind: 'files' }>): Init<typeof CommonTlsContextSchema> {
  const { caFile, certificate } = plan
  return {
    tlsParams: tlsVersions(TlsParameters_TlsProtocol.TLSv1_2),
    alpnProtocols: [...plan.alpn],
    ...(certificate === undefined
      ? {}
      : {
          tlsCertificates: [{ certificateChain: file(certificate.chainFile), privateKey: file(certificate.keyFile) }],
        }),
    ...(caFile === undefined
      ? {}
      : {
          validationContextType: {
            case: 'validationContext',
            value: { trustedCa: file(caFile), ...peerNames(plan.peers) },
          },
        }),
  }
}

function file(path: string): { readonly specifier: { readonly case: 'filename'; readonly value: string } } {
  return { specifier: { case: 'filename', value: path } }
}

function peerNames(peers: readonly PeerName[]): Init<typeof CertificateValidationContextSchema> {
  return {
    matchTypedSubjectAltNames: peers.map((peer) => ({
      sanType: sanTypes[peer.type],
      matcher: { matchPattern: { case: peer.match, value: peer.value } },
    })),
  }
}
