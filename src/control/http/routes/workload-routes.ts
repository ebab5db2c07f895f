import { z } from 'zod'
import type { CertificateAuthority, JoinTokens } from '../../../ca/index.ts'
import { parseSpiffeId } from '../../../identity/index.ts'
import type { LiveMesh } from '../../mesh/index.ts'
import { leaseMs, type WorkloadRegistry } from '../../workloads/index.ts'
import {
  certificateRequestSchema,
  certificateResponseSchema,
  deleteResponseSchema,
  tcpServicesSchema,
  workloadListSchema,
  workloadRequestSchema,
  type WorkloadRequest,
  workloadResponseSchema,
} from '../../rest/index.ts'
import { HttpError } from '../http-error.ts'
import { defineRoute, type Route } from '../route.ts'

/** What the routes of workloads need. */
export interface WorkloadDependencies {
  readonly registry: WorkloadRegistry
  readonly live: LiveMesh
  readonly authority: CertificateAuthority
  readonly tokens: JoinTokens
  /** `host:port` of the ADS server, asked when needed: it may be started later. */
  readonly xdsAddress: () => string
  /** SPIFFE id of the control plane itself, which no workload may have. */
  readonly ownSpiffeId: string
}

/** Bytes of a registration or a signing request. */
const smallBodyBytes = 256 * 1024

/** Ids stand in paths, store keys and node ids. */
const idPattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/

/** RFC 1123 label, what namespaces, services and accounts are called in Kubernetes. */
const namePattern = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/** Register, renew, deregister and list workloads; their first certificate; what TCP services they may call. */
export function workloadRoutes(dependencies: WorkloadDependencies): readonly Route[] {
  return [
    registerRoute(dependencies),
    ...otherRoutes(dependencies),
    certificateRoute(dependencies),
    tcpRoute(dependencies),
  ]
}

function registerRoute(dependencies: WorkloadDependencies): Route {
  const { registry, authority, tokens, xdsAddress } = dependencies
  return defineRoute({
    method: 'PUT',
    path: '/v1/workloads/{id}',
    summary: 'Registers a workload or renews its lease of 15 s',
    auth: 'token',
    query: z.object({ token: z.enum(['true', 'false']).optional() }),
    body: { schema: workloadRequestSchema, limitBytes: smallBodyBytes },
    answer: workloadResponseSchema,
    failures: { 400: 'The request is malformed', 403: 'No workload may have this identity' },
    handle: async ({ params: { id = '' }, query, body }) => {
      checkRegistration(id, body, dependencies)
      const { record, isNew } = await registry.register(id, body)
      const { spiffeId } = record
      const created = isNew || query.token === 'true' ? await tokens.create({ workloadId: id, spiffeId }) : undefined
      if (created?.ok === false) throw created.error
      return {
        id,
        spiffeId,
        trustDomain: authority.trustDomain,
        ...(created === undefined ? {} : { joinToken: created.value }),
        trustBundle: authority.trustBundle,
        xdsAddress: xdsAddress(),
        leaseSeconds: leaseMs / 1000,
      }
    },
  })
}

function checkRegistration(id: string, request: WorkloadRequest, dependencies: WorkloadDependencies): void {
  const { namespace, serviceAccount, service, placement } = request
  const refuse = (what: string, got: string): never => {
    throw new HttpError(400, 'WEFT_CONTROL_REQUEST', `Expected ${what}, got ${JSON.stringify(got.slice(0, 100))}`)
  }
  if (!idPattern.test(id)) refuse('a workload id of letters, digits, ".", "_" and "-"', id)
  if (!namePattern.test(namespace)) refuse('a namespace in lower case (RFC 1123)', namespace)
  if (!namePattern.test(serviceAccount)) refuse('a service account in lower case (RFC 1123)', serviceAccount)
  if (service !== '' && !namePattern.test(service)) refuse('a service name in lower case (RFC 1123)', service)
  if (placement.inboundAddress === '') refuse('an address for inbound listeners', '')
  const spiffeId = `spiffe://${dependencies.authority.trustDomain}/ns/${namespace}/sa/${serviceAccount}`
  if (!parseSpiffeId(spiffeId).ok) refuse('names that make a SPIFFE id', spiffeId)
  if (spiffeId === dependencies.ownSpiffeId) {
    throw new HttpError(403, 'WEFT_CONTROL_FORBIDDEN', `${spiffeId} is the control plane's own identity`)
  }
}

function otherRoutes({ registry, live }: WorkloadDependencies): readonly Route[] {
  return [
    defineRoute({
      method: 'DELETE',
      path: '/v1/workloads/{id}',
      summary: 'Ends a registration; its endpoints leave at once',
      auth: 'token',
      answer: deleteResponseSchema,
      failures: { 404: 'There is no such workload' },
      handle: async ({ params: { id = '' } }) => ({ revision: await registry.deregister(id) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/workloads',
      summary: 'Registered workloads, sorted by id',
      auth: 'token',
      answer: workloadListSchema,
      failures: {},
      handle: async () => ({
        workloads: live
          .workloads()
          .toSorted((a, b) => (a.id < b.id ? -1 : 1))
          .map((record) => ({ ...record, leaseEndsAt: registry.leaseEndsAt(record.id) })),
      }),
    }),
  ]
}

function certificateRoute({ authority, tokens }: WorkloadDependencies): Route {
  return defineRoute({
    method: 'POST',
    path: '/v1/certificates',
    summary: 'The first certificate of a workload, against its single-use join token',
    auth: 'none',
    body: { schema: certificateRequestSchema, limitBytes: smallBodyBytes },
    answer: certificateResponseSchema,
    failures: {
      400: 'The signing request is malformed, weak or claims another identity',
      403: 'The join token is unknown, already used or expired',
    },
    handle: async ({ body }) => {
      const claims = await tokens.redeem(body.joinToken)
      if (!claims.ok) throw claims.error
      const issued = await authority.issue(body.csr, claims.value.spiffeId)
      if (!issued.ok) throw issued.error
      return { certificateChain: issued.value.certificateChain, trustBundle: authority.trustBundle }
    },
  })
}

function tcpRoute({ live }: WorkloadDependencies): Route {
  return defineRoute({
    method: 'GET',
    path: '/v1/tcp-services',
    summary: 'TCP services that a workload of the namespace may call',
    auth: 'token',
    query: z.object({ namespace: z.string().default('default') }),
    answer: tcpServicesSchema,
    failures: {},
    handle: async ({ query: { namespace } }) => ({
      services: [...live.mesh().services.values()]
        .filter((service) => !service.host.startsWith('*'))
        .filter(
          ({ exportTo, namespace: own }) =>
            exportTo.includes('*') || exportTo.includes(namespace) || (exportTo.includes('.') && own === namespace),
        )
        .flatMap(({ host, name, ports }) =>
          ports
            .filter(({ protocol }) => protocol === 'tcp' || protocol === 'tls')
            .map(({ number }) => ({ host, name, port: number })),
        )
        .sort((a, b) => (a.host === b.host ? a.port - b.port : a.host < b.host ? -1 : 1)),
    }),
  })
}
