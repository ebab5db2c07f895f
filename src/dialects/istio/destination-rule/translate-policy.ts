import type {
  ConsistentHash,
  HashKey,
  LoadBalancer,
  OutboundTls,
  OutlierDetection,
  TrafficPolicy,
} from '../../../model/index.ts'
import type { Origin } from '../../../resources/index.ts'
import type { ConsistentHashSpec, OutlierSpec, PolicySections, TlsSpec } from './schema.ts'

/** Sections of a traffic policy with the place they were written at. */
export interface PlacedSections {
  readonly sections: PolicySections
  readonly origin: Origin
}

/** The policy that merged sections mean; undefined when there are none. */
export function translateTrafficPolicy(placed: PlacedSections | undefined): TrafficPolicy | undefined {
  if (placed === undefined) return undefined
  const { connectionPool, loadBalancer, outlierDetection, tls } = placed.sections
  const hash = loadBalancer?.consistentHash
  const balancer = hash === undefined ? balancers[loadBalancer?.simple ?? 'UNSPECIFIED'] : translateHash(hash)
  return {
    ...(balancer === undefined ? {} : { loadBalancer: balancer }),
    ...(tls === undefined ? {} : { tls: translateTls(tls) }),
    ...(outlierDetection === undefined ? {} : { outlierDetection: translateOutlier(outlierDetection) }),
    ...translateTcp(connectionPool?.tcp),
    ...translateHttp(connectionPool?.http),
    origin: placed.origin,
  }
}

const balancers: Readonly<
  Record<
    'UNSPECIFIED' | 'ROUND_ROBIN' | 'RANDOM' | 'LEAST_REQUEST' | 'LEAST_CONN' | 'PASSTHROUGH',
    LoadBalancer | undefined
  >
> = {
  UNSPECIFIED: undefined,
  ROUND_ROBIN: 'round-robin',
  RANDOM: 'random',
  LEAST_REQUEST: 'least-request',
  // The older name of LEAST_REQUEST.
  LEAST_CONN: 'least-request',
  PASSTHROUGH: 'passthrough',
}

/** Istio's size of the ring where the rule says none. */
const defaultRingSize = 1024

/** Envoy's table where the rule says none. */
const defaultTableSize = 65_537

function translateHash(spec: ConsistentHashSpec): ConsistentHash {
  const { maglev, ringHash, minimumRingSize } = spec
  // A size of 0 is the same as none in Istio.
  return {
    key: translateKey(spec),
    table:
      maglev === undefined
        ? { kind: 'ring', minimumSize: ringHash?.minimumRingSize || minimumRingSize || defaultRingSize }
        : { kind: 'maglev', size: maglev.tableSize || defaultTableSize },
  }
}

function translateKey(spec: ConsistentHashSpec): HashKey {
  const { httpHeaderName, httpCookie, httpQueryParameterName } = spec
  if (httpHeaderName !== undefined) return { kind: 'header', name: httpHeaderName.toLowerCase() }
  if (httpCookie !== undefined) {
    const { name, path = '', ttl } = httpCookie
    return { kind: 'cookie', name, path, ...(ttl === undefined ? {} : { ttlMs: ttl }) }
  }
  if (httpQueryParameterName !== undefined) return { kind: 'query', name: httpQueryParameterName }
  return { kind: 'source-ip' }
}

type Pool = NonNullable<PolicySections['connectionPool']>

function translateTcp(tcp: Pool['tcp']): Partial<TrafficPolicy> {
  if (tcp === undefined) return {}
  const { connectTimeout, idleTimeout, maxConnections, tcpKeepalive: keepalive } = tcp
  return {
    ...(connectTimeout === undefined ? {} : { connectTimeoutMs: connectTimeout }),
    ...(idleTimeout === undefined ? {} : { tcpIdleTimeoutMs: idleTimeout }),
    ...limit('maxConnections', maxConnections),
    ...(keepalive === undefined
      ? {}
      : {
          tcpKeepalive: {
            // 0 probes is not set, as in Istio: the kernel's number holds.
            ...(keepalive.probes === undefined || keepalive.probes === 0 ? {} : { probes: keepalive.probes }),
            ...(keepalive.time === undefined ? {} : { timeMs: keepalive.time }),
            ...(keepalive.interval === undefined ? {} : { intervalMs: keepalive.interval }),
          },
        }),
  }
}

function translateHttp(http: Pool['http']): Partial<TrafficPolicy> {
  if (http === undefined) return {}
  return {
    ...limit('maxPendingRequests', http.http1MaxPendingRequests),
    ...limit('maxRequests', http.http2MaxRequests),
    ...limit('maxRetries', http.maxRetries),
    ...limit('maxRequestsPerConnection', http.maxRequestsPerConnection),
    ...(http.h2UpgradePolicy === 'UPGRADE' ? { http2Upgrade: true } : {}),
    ...(http.idleTimeout === undefined ? {} : { httpIdleTimeoutMs: http.idleTimeout }),
  }
}

type LimitName = 'maxConnections' | 'maxPendingRequests' | 'maxRequests' | 'maxRetries' | 'maxRequestsPerConnection'

/** A limit of 0 is the same as none in Istio: the default holds. */
function limit(name: LimitName, value: number | undefined): Partial<TrafficPolicy> {
  return value === undefined || value === 0 ? {} : { [name]: value }
}

/** A count of 0 switches its detector off; a percentage of 0 is the same as none in Istio. */
function translateOutlier(spec: OutlierSpec): OutlierDetection {
  const { consecutiveErrors = 0, consecutive5xxErrors, consecutiveGatewayErrors } = spec
  const { consecutiveLocalOriginFailures = 0, splitExternalLocalOriginErrors: split = false } = spec
  // The older field counts gateway errors only; the newer ones stand over it.
  const older = consecutiveErrors > 0
  const http = consecutive5xxErrors ?? (older ? 0 : undefined)
  const gateway = consecutiveGatewayErrors ?? (older ? consecutiveErrors : undefined)
  return {
    ...(http === undefined ? {} : { consecutive5xx: http }),
    ...(gateway === undefined ? {} : { consecutiveGatewayFailure: gateway }),
    splitLocalOrigin: split,
    ...(split && consecutiveLocalOriginFailures > 0
      ? { consecutiveLocalOriginFailure: consecutiveLocalOriginFailures }
      : {}),
    ...(spec.interval === undefined ? {} : { intervalMs: spec.interval }),
    ...(spec.baseEjectionTime === undefined ? {} : { baseEjectionMs: spec.baseEjectionTime }),
    ...(spec.maxEjectionPercent === undefined || spec.maxEjectionPercent === 0
      ? {}
      : { maxEjectionPercent: spec.maxEjectionPercent }),
  }
}

function translateTls(tls: TlsSpec): OutboundTls {
  if (tls.mode === 'DISABLE') return { mode: 'disabled' }
  if (tls.mode === 'ISTIO_MUTUAL') return { mode: 'mesh-mutual' }
  return {
    mode: tls.mode === 'SIMPLE' ? 'simple' : 'mutual',
    ...optionalText('sni', tls.sni),
    subjectAltNames: tls.subjectAltNames ?? [],
    // `system` names the trust store of the machine, which is also what an absent file means.
    ...(tls.caCertificates === 'system' ? {} : optionalText('caFile', tls.caCertificates)),
    ...optionalText('certificateFile', tls.clientCertificate),
    ...optionalText('keyFile', tls.privateKey),
    skipVerify: tls.insecureSkipVerify ?? false,
  }
}

function optionalText<Name extends string>(name: Name, value: string | undefined): Partial<Record<Name, string>> {
  if (value === undefined || value === '') return {}
  const given: Partial<Record<Name, string>> = {}
  given[name] = value
  return given
}
