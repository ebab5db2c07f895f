import { type DescMessage, fromBinary, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf'
import type { ReceivedResource } from '../../xds/client/index.ts'
import { ClusterSchema } from '../../xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../xds/generated/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { VirtualHostSchema } from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../xds/generated/envoy/config/route/v3/route_pb.ts'
import { TypeUrl } from '../../xds/index.ts'
import { anyTypes } from '../config/index.ts'
import { compileRegularExpression } from '../route/index.ts'
import type { AdminSource } from './admin-source.ts'
import { AdminLimits } from './limits.ts'
import { badRequest, json, notFound } from './replies.ts'

const schemas: ReadonlyMap<string, DescMessage> = new Map<string, DescMessage>([
  [TypeUrl.cluster, ClusterSchema],
  [TypeUrl.endpoints, ClusterLoadAssignmentSchema],
  [TypeUrl.listener, ListenerSchema],
  [TypeUrl.route, RouteConfigurationSchema],
  [TypeUrl.virtualHost, VirtualHostSchema],
])

const redacted = '[redacted]'

/** Keys whose values are secret wherever they stand (inline certificates and passwords). */
const secretKeys = new Set([
  'private_key',
  'privateKey',
  'private_key_provider',
  'password',
  'session_ticket_keys',
  'generic_secret',
])

/**
 * `/config_dump` in Envoy's form: bootstrap, clusters, listeners, routes, endpoints, secrets (by name only). `?resource=` is a list
 * of one of them (`dynamic_active_clusters`), `?name_regex=` leaves only resources of matching names, `?mask=` keeps some fields.
 */
export function describeConfig(source: AdminSource, query: URLSearchParams): Response {
  const pattern = query.get('name_regex') ?? '.*'
  if (pattern.length > AdminLimits.filterBytes)
    return badRequest(`Expected a name_regex of at most ${AdminLimits.filterBytes} bytes`)
  const regex = compileRegularExpression(pattern)
  if (!regex.ok) return badRequest(`Error while parsing name_regex from /config_dump query: ${regex.error}`)
  const dumps = describeAll(source, (name) => regex.value.matchesAll(name))
  const resource = query.get('resource')
  const configs = resource === null ? dumps : listOf(dumps, resource)
  if (configs === undefined) return notFound(`${resource} not found in config dump`)
  const mask = query.get('mask')?.split(',')
  return json({ configs: mask === undefined ? configs : configs.map((config) => masked(config, mask)) })
}

function describeAll(source: AdminSource, isNamed: (name: string) => boolean): readonly JsonObject[] {
  const bootstrap = source.bootstrap()
  const statics = bootstrap['static_resources']
  const fixed = (key: string, wrap: string): readonly JsonObject[] =>
    itemsOf(isObject(statics) ? statics[key] : undefined)
      .filter((item) => isNamed(typeof item['name'] === 'string' ? item['name'] : ''))
      .map((item) => ({ [wrap]: redact(item) }))
  const received = source.resources().filter(({ name }) => isNamed(name))
  const dynamic = (
    typeUrl: string,
    toItem: (resource: ReceivedResource, value: JsonValue) => JsonObject,
  ): JsonObject[] =>
    received.filter((resource) => resource.typeUrl === typeUrl).map((resource) => toItem(resource, valueOf(resource)))
  const versioned =
    (key: string) =>
    ({ version }: ReceivedResource, value: JsonValue): JsonObject => ({ version_info: version, [key]: value })
  return [
    dump('Bootstrap', { bootstrap: redact(bootstrap) }),
    dump('Clusters', {
      static_clusters: [...fixed('clusters', 'cluster')],
      dynamic_active_clusters: dynamic(TypeUrl.cluster, versioned('cluster')),
    }),
    dump('Endpoints', { dynamic_endpoint_configs: dynamic(TypeUrl.endpoints, versioned('endpoint_config')) }),
    dump('Listeners', {
      static_listeners: [...fixed('listeners', 'listener')],
      dynamic_listeners: dynamic(TypeUrl.listener, ({ name, version }, listener) => ({
        name,
        active_state: { version_info: version, listener },
      })),
    }),
    dump('Routes', {
      dynamic_route_configs: dynamic(TypeUrl.route, versioned('route_config')),
      // Envoy shows these inside their route configurations; here they stand as they came.
      dynamic_virtual_hosts: dynamic(TypeUrl.virtualHost, (resource, value) => ({
        name: resource.name,
        ...versioned('virtual_host')(resource, value),
      })),
    }),
    dump('Secrets', {
      dynamic_active_secrets: dynamic(TypeUrl.secret, ({ name, version }) => ({
        name,
        version_info: version,
        secret: redacted,
      })),
    }),
  ]
}

function dump(kind: string, lists: JsonObject): JsonObject {
  return { '@type': `type.googleapis.com/envoy.admin.v3.${kind}ConfigDump`, ...lists }
}

function valueOf({ typeUrl, bytes }: ReceivedResource): JsonValue {
  const schema = schemas.get(typeUrl)
  // Secrets are named, never shown.
  if (schema === undefined) return redacted
  try {
    const value = toJson(schema, fromBinary(schema, bytes), { registry: anyTypes, useProtoFieldName: true })
    return isObject(value) ? { '@type': typeUrl, ...redactObject(value) } : value
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) }
  }
}

/** The items of one repeated field of the dumps. */
function listOf(dumps: readonly JsonObject[], field: string): readonly JsonObject[] | undefined {
  for (const config of dumps) {
    const value = config[field]
    if (Array.isArray(value)) return value.filter(isObject)
  }
  return undefined
}

/** Keeps the fields that paths name (`bootstrap.node.id`); a path goes through lists. */
function masked(value: JsonObject, paths: readonly string[]): JsonObject {
  const kept: JsonObject = {}
  for (const key of Object.keys(value)) {
    const inner = value[key]
    const deeper = paths.filter((path) => path.startsWith(`${key}.`)).map((path) => path.slice(key.length + 1))
    if (key === '@type' || paths.includes(key)) kept[key] = inner ?? null
    else if (deeper.length > 0 && isObject(inner)) kept[key] = masked(inner, deeper)
    else if (deeper.length > 0 && Array.isArray(inner)) kept[key] = itemsOf(inner).map((item) => masked(item, deeper))
  }
  return kept
}

function itemsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function redact(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(redact)
  return isObject(value) ? redactObject(value) : value
}

function redactObject(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, secretKeys.has(key) ? redacted : redact(inner)]),
  )
}
