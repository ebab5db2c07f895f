/**
 * The REST API as schemas: one source for validation, types and `/openapi.json`. All paths are under `/v1`; all bodies are
 * JSON; a bearer token from the data directory is required except for `/healthz`, `/readyz`, `/openapi.json` and `POST /v1/certificates`.
 */
import { z } from 'zod'

const originSchema = z.object({
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  file: z.string(),
  line: z.int().min(0).max(10_000_000),
})

/** A fault of a user's file; the wire form of `Diagnostic`. */
export const diagnosticSchema = z.object({
  code: z.string(),
  severity: z.enum(['error', 'warning', 'info']),
  file: z.string(),
  line: z.int().min(0).max(10_000_000),
  column: z.int().min(0).max(10_000_000),
  resource: z.string(),
  field: z.string(),
  message: z.string(),
  expected: z.string().optional(),
  got: z.string().optional(),
  remedy: z.string().optional(),
})

/** `POST /v1/apply` and `POST /v1/diff`: whole files as the user gave them. 422 with diagnostics when anything is wrong; nothing is stored then. */
export const applyRequestSchema = z.object({
  files: z.array(z.object({ path: z.string(), text: z.string() })).max(10_000),
  /** Namespace for objects that name none. */
  namespace: z.string().default('default'),
})

/** What became of one object. */
const appliedObjectSchema = z.object({
  key: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  action: z.enum(['created', 'configured', 'unchanged']),
  /** Stored text before and after, for `diff`. */
  before: z.string().optional(),
  after: z.string().optional(),
})

/** Answer of apply and diff. */
export const applyResponseSchema = z.object({
  revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  objects: z.array(appliedObjectSchema),
  diagnostics: z.array(diagnosticSchema),
})

/** Any error: 4xx and 5xx bodies. */
export const errorResponseSchema = z.object({
  code: z.string(),
  message: z.string(),
  diagnostics: z.array(diagnosticSchema).optional(),
})

/** `GET /v1/resources?kind=&namespace=` and `GET|DELETE /v1/resources/{group}/{kind}/{namespace}/{name}` (group `core` for Kubernetes' own). */
export const storedResourceSchema = z.object({
  key: z.string(),
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  file: z.string(),
  line: z.int().min(0).max(10_000_000),
  revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  text: z.string(),
  /** Fields that are accepted and not served yet, and other remarks. */
  remarks: z.array(diagnosticSchema),
})

/** `GET /v1/resources`. */
export const resourceListSchema = z.object({
  revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  resources: z.array(storedResourceSchema),
})

/** `POST /v1/delete`: all of these objects or, if one of them is not stored, none; one revision for all. Group `core` for Kubernetes' own. */
export const deleteRequestSchema = z.object({
  names: z
    .array(z.object({ group: z.string(), kind: z.string(), namespace: z.string(), name: z.string() }))
    .min(1)
    .max(10_000),
})

/** `POST /v1/delete`, `DELETE /v1/resources/...` and `DELETE /v1/workloads/{id}`: the revision of the store afterwards. */
export const deleteResponseSchema = z.object({ revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER) })

/** Where a workload's listeners bind; ports are chosen by whoever starts the proxy. */
const placementSchema = z.object({
  inboundAddress: z.string(),
  httpProxyPort: z.int().min(0).max(65535),
  transparentPort: z.int().min(0).max(65535).optional(),
  dnsPort: z.int().min(0).max(65535).optional(),
  tcpUpstreams: z.array(
    z.object({ host: z.string(), port: z.int().min(1).max(65535), loopbackPort: z.int().min(1).max(65535) }),
  ),
})

/** `PUT /v1/workloads/{id}`: registers or renews; the lease ends 15 s after the last call. */
export const workloadRequestSchema = z.object({
  namespace: z.string().default('default'),
  service: z.string(),
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  serviceAccount: z.string(),
  address: z.string(),
  ports: z.array(
    z.object({
      port: z.int().min(1).max(65535),
      name: z.string(),
      applicationPort: z.int().min(1).max(65535),
      meshPort: z.int().min(1).max(65535),
      protocol: z.enum(['http1', 'http2', 'grpc', 'tcp']).optional(),
    }),
  ),
  weight: z.int().min(0).max(1_000_000).default(1),
  health: z.enum(['starting', 'ready', 'draining']),
  placement: placementSchema,
})

/** Answer: TCP services to expose on loopback ports, identity, and, on the first call or when asked with `?token=true`, a single-use join token. */
export const workloadResponseSchema = z.object({
  id: z.string(),
  spiffeId: z.string(),
  trustDomain: z.string(),
  /** Single use, ends after 5 minutes; bound to this workload's identity. */
  joinToken: z.string().optional(),
  /** PEM trust bundle. */
  trustBundle: z.string(),
  /** `host:port` of the ADS server. */
  xdsAddress: z.string(),
  leaseSeconds: z.number(),
})

/** `GET /v1/workloads`: registered workloads; `leaseEndsAt` is RFC 3339. */
export const workloadListSchema = z.object({
  workloads: z.array(
    workloadRequestSchema.extend({
      id: z.string(),
      spiffeId: z.string(),
      createdAt: z.string(),
      leaseEndsAt: z.string(),
    }),
  ),
})

/** `GET /v1/tcp-services?namespace=`: TCP services that a workload of the namespace may call. */
export const tcpServicesSchema = z.object({
  services: z.array(z.object({ host: z.string(), name: z.string(), port: z.int().min(1).max(65535) })),
})

/** `POST /v1/certificates`: the first certificate, against a join token. Later ones: gRPC `Renew` over mTLS. */
export const certificateRequestSchema = z.object({ joinToken: z.string(), csr: z.string() })

/** A signed chain, leaf first, and the trust bundle; PEM. */
export const certificateResponseSchema = z.object({ certificateChain: z.string(), trustBundle: z.string() })

/** One proxy, as `weft status` shows it. */
const proxyStatusSchema = z.object({
  id: z.string(),
  workload: z.string(),
  namespace: z.string(),
  userAgent: z.string(),
  connected: z.boolean(),
  connectedSince: z.string(),
  types: z.array(
    z.object({
      typeUrl: z.string(),
      /** Resources held by the proxy. */
      resources: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
      state: z.enum(['synced', 'sent', 'rejected', 'not-subscribed']),
    }),
  ),
  /** Store revision that the proxy has acknowledged everything of. */
  acknowledgedRevision: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  rejections: z.array(
    z.object({
      typeUrl: z.string(),
      resources: z.array(z.string()),
      message: z.string(),
      origins: z.array(originSchema),
      at: z.string(),
    }),
  ),
})

/** `GET /v1/status`. */
export const statusSchema = z.object({
  version: z.string(),
  revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  trustDomain: z.string(),
  proxies: z.array(proxyStatusSchema),
  services: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  workloads: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  warnings: z.array(z.object({ code: z.string(), message: z.string(), origin: originSchema })),
})

/** `GET /v1/enforcement/{revision}?timeoutMs=`: waits until every affected proxy acknowledged or the time is over. */
export const enforcementSchema = z.object({
  revision: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  affected: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  enforced: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  pending: z.array(z.object({ id: z.string(), reason: z.string() })),
})

/** Body of apply and diff. */
export type ApplyRequest = z.infer<typeof applyRequestSchema>
/** What became of every object. */
export type ApplyResponse = z.infer<typeof applyResponseSchema>
/** Any error. */
export type ErrorResponse = z.infer<typeof errorResponseSchema>
/** One stored object. */
export type StoredResource = z.infer<typeof storedResourceSchema>
/** Stored objects with the revision they were read at. */
export type ResourceList = z.infer<typeof resourceListSchema>
/** Revision after a deletion. */
export type DeleteResponse = z.infer<typeof deleteResponseSchema>
/** A registration with its defaults filled in. */
export type WorkloadRequest = z.infer<typeof workloadRequestSchema>
/** A registration as it is sent. */
export type WorkloadInput = z.input<typeof workloadRequestSchema>
/** Registered workloads. */
export type WorkloadList = z.infer<typeof workloadListSchema>
/** TCP services that may be called. */
export type TcpServices = z.infer<typeof tcpServicesSchema>
/** A signing request with its join token. */
export type CertificateRequest = z.infer<typeof certificateRequestSchema>
/** A signed chain and the trust bundle. */
export type CertificateResponse = z.infer<typeof certificateResponseSchema>
/** What a workload needs to join. */
export type WorkloadResponse = z.infer<typeof workloadResponseSchema>
/** One proxy. */
export type ProxyStatus = z.infer<typeof proxyStatusSchema>
/** The whole mesh. */
export type Status = z.infer<typeof statusSchema>
/** Who obeys a revision. */
export type Enforcement = z.infer<typeof enforcementSchema>
