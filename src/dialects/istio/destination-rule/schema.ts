import { labels } from '../../../resources/index.ts'
import {
  anything,
  boolean,
  dnsLabel,
  duration,
  filledText,
  integer,
  list,
  object,
  oneOf,
  optional,
  portNumber,
  type Read,
  required,
  text,
} from '../../../resources/schema/index.ts'
import { headerName } from '../fields/headers.ts'
import { exportTo, hostPattern } from '../fields/hosts.ts'
import { unsupported, unsupportedUnless } from '../fields/unsupported.ts'
import { cookieName, cookiePath, prime } from './consistent-hash.ts'
import {
  checkConsistentHash,
  checkLoadBalancer,
  checkOutlier,
  checkPortSettings,
  checkSections,
  checkSubsets,
  checkTls,
} from './validate.ts'

const count = integer(0, 2_147_483_647)
const uint32 = integer(0, 4_294_967_295)

/** Linux takes no longer keep-alive time or interval (`MAX_TCP_KEEPIDLE`), and at most 127 probes (`MAX_TCP_KEEPCNT`). */
const longestKeepaliveMs = 32_767_000

const tcpFields = {
  connectTimeout: optional(duration({ zero: false })),
  idleTimeout: optional(duration({ zero: true })),
  maxConnections: optional(count),
  tcpKeepalive: optional(
    object({
      probes: optional(integer(0, 127)),
      time: optional(duration({ zero: false, maxMs: longestKeepaliveMs })),
      interval: optional(duration({ zero: false, maxMs: longestKeepaliveMs })),
    }),
  ),
  maxConnectionDuration: unsupported,
}

const httpFields = {
  http1MaxPendingRequests: optional(count),
  http2MaxRequests: optional(count),
  maxRequestsPerConnection: optional(count),
  maxRetries: optional(count),
  idleTimeout: optional(duration({ zero: true })),
  h2UpgradePolicy: optional(oneOf(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'])),
  http2KeepAlive: unsupported,
  maxConcurrentStreams: unsupported,
  useClientProtocol: unsupportedUnless(false),
}

/** Largest table that the proxies build, of either kind. */
const maxTableSize = 1_048_576

const ringSize = integer(0, maxTableSize)

const consistentHashFields = {
  httpHeaderName: optional(headerName),
  httpCookie: optional(
    object({
      name: required(cookieName),
      path: optional(cookiePath),
      ttl: optional(duration({ zero: true })),
      attributes: unsupported,
    }),
  ),
  useSourceIp: optional(boolean),
  httpQueryParameterName: optional(filledText),
  ringHash: optional(object({ minimumRingSize: optional(ringSize) })),
  maglev: optional(object({ tableSize: optional(prime(maxTableSize)) })),
  // The older place of ringHash.minimumRingSize.
  minimumRingSize: optional(ringSize),
}

/** `consistentHash` of a load balancer, as written. */
export type ConsistentHashSpec = Read<typeof consistentHashFields>

const loadBalancerFields = {
  simple: optional(oneOf(['UNSPECIFIED', 'ROUND_ROBIN', 'RANDOM', 'LEAST_REQUEST', 'LEAST_CONN', 'PASSTHROUGH'])),
  consistentHash: optional(object(consistentHashFields, checkConsistentHash)),
  localityLbSetting: unsupported,
  zoneAwareLbSetting: unsupported,
  backendUtilization: unsupported,
  warmup: unsupported,
  warmupDurationSecs: unsupported,
}

const tlsFields = {
  mode: required(oneOf(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'])),
  sni: optional(text),
  subjectAltNames: optional(list(filledText)),
  caCertificates: optional(text),
  clientCertificate: optional(text),
  privateKey: optional(text),
  insecureSkipVerify: optional(boolean),
  caCrl: unsupported,
  credentialName: unsupported,
}

/** `tls` of a traffic policy, as written. */
export type TlsSpec = Read<typeof tlsFields>

const outlierFields = {
  consecutive5xxErrors: optional(uint32),
  consecutiveGatewayErrors: optional(uint32),
  consecutiveErrors: optional(count),
  splitExternalLocalOriginErrors: optional(boolean),
  consecutiveLocalOriginFailures: optional(uint32),
  interval: optional(duration({ zero: false })),
  baseEjectionTime: optional(duration({ zero: false })),
  maxEjectionPercent: optional(integer(0, 100)),
  // Clusters are written without panic mode: traffic never goes to an endpoint that is known to be bad.
  minHealthPercent: unsupportedUnless(0),
  outlierDetectionHttpErrorCodes: unsupported,
}

/** `outlierDetection` of a traffic policy, as written. */
export type OutlierSpec = Read<typeof outlierFields>

const sectionFields = {
  connectionPool: optional(object({ tcp: optional(object(tcpFields)), http: optional(object(httpFields)) })),
  loadBalancer: optional(object(loadBalancerFields, checkLoadBalancer)),
  tls: optional(object(tlsFields, checkTls)),
  outlierDetection: optional(object(outlierFields, checkOutlier)),
}

/** The sections of a traffic policy that replace each other as a whole, as written. */
export type PolicySections = Read<typeof sectionFields>

const portSettingFields = { ...sectionFields, port: required(object({ number: required(portNumber) })) }

/** An entry of `portLevelSettings`, as written. */
export type PortSettingsSpec = Read<typeof portSettingFields>

const trafficPolicyFields = {
  ...sectionFields,
  portLevelSettings: optional(list(object(portSettingFields, checkSections), checkPortSettings)),
  proxyProtocol: unsupported,
  retryBudget: unsupported,
  tunnel: unsupported,
}

/** A traffic policy, as written. */
export type TrafficPolicySpec = Read<typeof trafficPolicyFields>

const trafficPolicy = object(trafficPolicyFields, checkSections)

const subsetFields = { name: required(dnsLabel), labels: optional(labels), trafficPolicy: optional(trafficPolicy) }

/** A subset, as written. */
export type SubsetSpec = Read<typeof subsetFields>

const specFields = {
  host: required(hostPattern),
  trafficPolicy: optional(trafficPolicy),
  subsets: optional(list(object(subsetFields), checkSubsets)),
  exportTo: optional(exportTo),
  workloadSelector: optional(object({ matchLabels: optional(labels) })),
}

/** The `spec` of a DestinationRule, as written. */
export type DestinationRuleSpec = Read<typeof specFields>

/** Reads a DestinationRule. */
export const destinationRuleReader = object({
  apiVersion: required(anything),
  kind: required(anything),
  metadata: required(anything),
  spec: required(object(specFields)),
  status: optional(anything),
})
