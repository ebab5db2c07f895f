import { FieldId, FieldTable } from '../../wire/http1/index.ts'
import type { HttpManagerConfig } from '../config/index.ts'

const extraNames = [
  'server',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-client-cert',
  'x-request-id',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
  'x-envoy-upstream-service-time',
  'x-envoy-original-path',
  'http2-settings',
  'date',
  'content-type',
  'grpc-timeout',
  'grpc-status',
  'x-envoy-internal',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-original-host',
  'x-envoy-external-address',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-decorator-operation',
  'x-envoy-is-timeout-retry',
  'x-envoy-attempt-count',
] as const

/** Numbers of the fields that the connection manager reads, drops or writes, beyond those of the codec. */
export const ProxyField = {
  server: FieldId.extra,
  forwardedFor: FieldId.extra + 1,
  forwardedProto: FieldId.extra + 2,
  clientCert: FieldId.extra + 3,
  requestId: FieldId.extra + 4,
  peerMetadata: FieldId.extra + 5,
  peerMetadataId: FieldId.extra + 6,
  serviceTime: FieldId.extra + 7,
  originalPath: FieldId.extra + 8,
  http2Settings: FieldId.extra + 9,
  date: FieldId.extra + 10,
  contentType: FieldId.extra + 11,
  grpcTimeout: FieldId.extra + 12,
  grpcStatus: FieldId.extra + 13,
  /** The first of those that only the mesh itself may send: a client's word on them is not believed. */
  firstInternal: FieldId.extra + 14,
  /** From here on they may come from the proxy's own application; those before steer a router and end at it. */
  firstFromApplication: FieldId.extra + 26,
} as const

/** Field names of requests and responses by number. */
export const fieldTable: FieldTable = new FieldTable(extraNames)

const hopByHop: readonly number[] = [
  FieldId.connection,
  FieldId.contentLength,
  FieldId.transferEncoding,
  FieldId.upgrade,
  FieldId.keepAlive,
  FieldId.proxyConnection,
  FieldId.te,
  ProxyField.http2Settings,
  ProxyField.peerMetadata,
  ProxyField.peerMetadataId,
]

function setOf(ids: readonly number[]): Uint8Array {
  const set = new Uint8Array(fieldTable.names.length)
  for (const id of ids) set[id] = 1
  return set
}

function isMetadata(id: number): boolean {
  return id === ProxyField.peerMetadata || id === ProxyField.peerMetadataId
}

function nameOf(id: number): string {
  return fieldTable.names[id] ?? ''
}

/** What a manager's configuration means for heads, worked out once. */
export interface HeadPlan {
  readonly manager: HttpManagerConfig
  /** Request fields that are not copied, by number. */
  readonly dropRequest: Uint8Array
  /** The same with `host`, which is then written anew. */
  readonly dropRequestAndHost: Uint8Array
  readonly dropResponse: Uint8Array
  readonly serverLine: string
  /** Names of request fields that are taken off before any filter sees them: nothing the client says in them counts. */
  readonly disbelieved: ReadonlySet<string>
}

/** Works out the plan of a manager; `trusted` is false for connections from outside the proxy's own application. */
export function createHeadPlan(manager: HttpManagerConfig, trusted: boolean): HeadPlan {
  const dropped = [...hopByHop, ProxyField.originalPath]
  if (manager.useRemoteAddress) dropped.push(ProxyField.forwardedFor, ProxyField.forwardedProto, ProxyField.requestId)
  if (manager.forwardClientCert !== 'always-forward-only') dropped.push(ProxyField.clientCert)
  const edge = !trusted || manager.useRemoteAddress
  const end = edge ? fieldTable.names.length : ProxyField.firstFromApplication
  for (let id: number = ProxyField.firstInternal; id < end; id += 1) dropped.push(id)
  return {
    manager,
    dropRequest: setOf(dropped),
    dropRequestAndHost: setOf([...dropped, FieldId.host]),
    dropResponse: setOf([...hopByHop, ProxyField.server, ProxyField.serviceTime]),
    serverLine: `server: ${manager.serverName}\r\n`,
    disbelieved: new Set(dropped.filter((id) => !hopByHop.includes(id) || isMetadata(id)).map(nameOf)),
  }
}
