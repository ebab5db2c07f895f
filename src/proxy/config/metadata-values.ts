import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

import type { Origin } from '../../resources/index.ts'
import { originMetadata, upstreamMetadata } from '../../xds/index.ts'
import type { Metadata } from '../../xds/generated/envoy/config/core/v3/base_pb.ts'
import { createSubsetMatch, type SubsetMatch } from '../route/index.ts'
import type { ClusterConfig, WorkloadIdentity } from './cluster-config.ts'

/** Metadata namespace of endpoint labels that choose a transport socket. */
const transportMatchNamespace = 'envoy.transport_socket_match'

/** Metadata namespace of load balancing, of endpoints and of routes. */
const subsetNamespace = 'envoy.lb'

/** The user's object that a resource was made from: filter metadata `weft.origin`. Undefined when absent or malformed. */
export function originOf(metadata: Metadata | undefined): Origin | undefined {
  const fields = filterMetadata(metadata, originMetadata)
  if (fields === undefined) return undefined
  const line = fields['line']
  return Object.freeze({
    kind: text(fields['kind']),
    namespace: text(fields['namespace']),
    name: text(fields['name']),
    file: text(fields['file']),
    line: typeof line === 'number' && Number.isFinite(line) ? line : 0,
  })
}

/** Service that a cluster stands for: filter metadata `istio`, first of `services`. */
export function destinationOf(metadata: Metadata | undefined): ClusterConfig['destination'] {
  const services = filterMetadata(metadata, 'istio')?.['services']
  const first = Array.isArray(services) ? services[0] : undefined
  if (!isObject(first)) return undefined
  return { host: text(first['host']), name: text(first['name']), namespace: text(first['namespace']) }
}

/** Requests to the cluster may share connections of HTTP/2 with peers that offer it by ALPN: filter metadata `weft.upstream`, `multiplex: true`. */
export function multiplexes(metadata: Metadata | undefined): boolean {
  return filterMetadata(metadata, upstreamMetadata)?.['multiplex'] === true
}

/** Endpoint labels that `transport_socket_matches` look at; values that are no texts are written as JSON. */
export function transportLabelsOf(metadata: Metadata | undefined): ReadonlyMap<string, string> {
  return stringMap(filterMetadata(metadata, transportMatchNamespace))
}

/** What subsets are made by: metadata `envoy.lb` of an endpoint. */
export function subsetLabelsOf(metadata: Metadata | undefined): { readonly subsetLabels?: JsonObject } {
  const subsetLabels = filterMetadata(metadata, subsetNamespace)
  return subsetLabels === undefined ? {} : { subsetLabels }
}

/** `metadata_match` of a route: the values that hosts must have in `envoy.lb`. A weighted cluster's come on top, key by key. */
export function subsetMatchOf(route: Metadata | undefined, leg: Metadata | undefined): SubsetMatch | undefined {
  const fields = { ...filterMetadata(route, subsetNamespace), ...filterMetadata(leg, subsetNamespace) }
  return Object.keys(fields).length === 0 ? undefined : createSubsetMatch(fields)
}

/** `region/zone/sub_zone`; empty when all three are. */
export function localityName(place: {
  readonly region: string
  readonly zone: string
  readonly subZone: string
}): string {
  const { region, zone, subZone } = place
  return region === '' && zone === '' && subZone === '' ? '' : `${region}/${zone}/${subZone}`
}

/** A struct's fields as texts. */
export function stringMap(fields: JsonObject | undefined): ReadonlyMap<string, string> {
  const labels = new Map<string, string>()
  for (const [name, value] of Object.entries(fields ?? {})) {
    labels.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return labels
}

/** Who serves an endpoint: metadata `istio.workload`, `name;namespace;canonical service;canonical revision;cluster`. */
export function workloadOf(metadata: Metadata | undefined): WorkloadIdentity | undefined {
  const workload = filterMetadata(metadata, 'istio')?.['workload']
  if (typeof workload !== 'string') return undefined
  const [name = '', namespace = '', canonicalService = '', canonicalRevision = '', cluster = ''] = workload.split(';')
  return { name, namespace, canonicalService, canonicalRevision, cluster }
}

function filterMetadata(metadata: Metadata | undefined, namespace: string): JsonObject | undefined {
  const all = metadata?.filterMetadata
  return all !== undefined && Object.hasOwn(all, namespace) ? all[namespace] : undefined
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
