import { isIP } from 'node:net'
import { spiffeIdOf } from '../../../identity/index.ts'
import type { OutboundTls } from '../../../model/index.ts'
import type { ClientTlsPlan, PeerName, TransportPlan, WireProtocol } from '../../plan.ts'
import type { ClusterInput, ClusterPolicy } from '../cluster-policy.ts'

/**
 * ALPN that a client-side proxy offers: what the bytes inside the mTLS connection are. Only of `h2` does Envoy's server side know that
 * it is HTTP/2; `istio-h2` says that a proxy of the mesh is calling, and is what a listener that takes octets chooses.
 */
const meshAlpn = { http1: ['istio-http/1.1'], http2: ['istio-h2', 'h2'], tcp: ['istio'] } as const

/**
 * ALPN that an inbound listener takes, its own first. The other is taken too: the caller goes by the service's
 * protocol, the listener by the workload's, and a handshake must not fail where they differ. HTTP is taken in both versions, whichever the
 * application speaks. A listener of octets does not take `h2`: it would be a promise to a client that multiplexes when it can.
 */
export const inboundAlpn = {
  http: ['h2', 'istio-http/1.1', 'istio'],
  tcp: ['istio', 'istio-http/1.1', 'istio-h2'],
} as const

/** ALPN towards servers outside the mesh. */
const publicAlpn = { http1: ['http/1.1'], http2: ['h2'], tcp: [] } as const

/** Trust bundle of the machine, for `simple` and `mutual` TLS without a bundle of its own. */
const systemTrustBundle = '/etc/ssl/certs/ca-certificates.crt'

/**
 * TLS to the destination. Without a policy, services of the mesh get mTLS wherever the endpoint's proxy terminates it,
 * and those outside the mesh plain text.
 */
export const tlsPolicy: ClusterPolicy = {
  name: 'tls',
  apply(plan, input) {
    plan.transport = transport(plan.protocol, input)
  },
}

function transport(protocol: WireProtocol, input: ClusterInput): TransportPlan {
  const tls = input.policy?.tls
  if (tls === undefined) {
    const inMesh = input.service.location === 'mesh' && input.service.resolution === 'endpoints'
    return inMesh ? { kind: 'auto', tls: meshTls(protocol, input) } : { kind: 'plain' }
  }
  if (tls.mode === 'disabled') return { kind: 'plain' }
  if (tls.mode === 'mesh-mutual') return { kind: 'tls', tls: meshTls(protocol, input) }
  return { kind: 'tls', tls: fileTls(protocol, input, tls) }
}

function meshTls(protocol: WireProtocol, { service, port, subset, view }: ClusterInput): ClientTlsPlan {
  const { trustDomain } = view.mesh.settings
  const accounts = service.staticEndpoints.flatMap(({ serviceAccount }) => serviceAccount ?? [])
  const identities = new Set(
    service.subjectAltNames.length > 0
      ? service.subjectAltNames
      : [
          ...view.index.workloadsOf(service).map((workload) => workload.spiffeId),
          ...accounts.map((account) => spiffeIdOf(trustDomain, service.namespace, account)),
        ],
  )
  const peers: PeerName[] =
    identities.size > 0
      ? [...identities].toSorted().map(peerName)
      : // Nobody serves it yet: whoever comes first must at least be of the service's namespace.
        [{ type: 'uri', match: 'prefix', value: `spiffe://${trustDomain}/ns/${service.namespace}/` }]
  return {
    kind: 'mesh',
    sni: `outbound_.${port.number}_.${subset?.name ?? ''}_.${service.host}`,
    alpn: meshAlpn[protocol],
    peers,
  }
}

function fileTls(
  protocol: WireProtocol,
  { service }: ClusterInput,
  tls: Extract<OutboundTls, { readonly mode: 'simple' | 'mutual' }>,
): ClientTlsPlan {
  const sni = tls.sni ?? (service.host.includes('*') ? undefined : service.host)
  // The rule's names go before those of the ServiceEntry; without either the certificate must be for the host.
  const written = [tls.subjectAltNames, service.subjectAltNames].find((names) => names.length > 0)
  const named = written ?? (sni === undefined ? [] : [sni])
  const { certificateFile, keyFile } = tls
  return {
    kind: 'files',
    sni,
    alpn: publicAlpn[protocol],
    peers: tls.skipVerify ? [] : named.map(peerName),
    caFile: tls.skipVerify ? undefined : (tls.caFile ?? systemTrustBundle),
    certificate:
      certificateFile === undefined || keyFile === undefined ? undefined : { chainFile: certificateFile, keyFile },
  }
}

function peerName(value: string): PeerName {
  const type = value.includes('://') ? 'uri' : isIP(value) === 0 ? 'dns' : 'ip'
  return { type, match: 'exact', value }
}
