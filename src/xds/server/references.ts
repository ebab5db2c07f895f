import { fromBinary, type Message } from '@bufbuild/protobuf'
import { anyUnpack, type Any } from '@bufbuild/protobuf/wkt'
import { type GenMessage } from '@bufbuild/protobuf/codegenv2'
import { Cluster_DiscoveryType, ClusterSchema } from '../generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ListenerSchema } from '../generated/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../generated/envoy/config/route/v3/route_pb.ts'
import {
  type RouteAction,
  type VirtualHost,
  VirtualHostSchema,
} from '../generated/envoy/config/route/v3/route_components_pb.ts'
import { HttpConnectionManagerSchema } from '../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { TcpProxySchema } from '../generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts'
import { TypeUrl } from '../names.ts'
import type { XdsResource } from '../resource.ts'

/** What a resource needs before it can work. */
export interface References {
  /** Clusters that its routes or TCP proxies send to. */
  readonly clusters: readonly string[]
  /** Route configurations that its connection managers fetch. */
  readonly routes: readonly string[]
  /** Name under which the endpoints of an EDS cluster are found; undefined for all else. */
  readonly edsName: string | undefined
}

const none: References = { clusters: [], routes: [], edsName: undefined }

// A resource is encoded once and shared by all proxies, so it is read once as well.
const known = new WeakMap<XdsResource, References>()

/** Reads what a resource refers to. Bytes that do not decode refer to nothing: the client will refuse them. */
export function referencesOf(resource: XdsResource): References {
  let references = known.get(resource)
  if (references === undefined) {
    references = read(resource)
    known.set(resource, references)
  }
  return references
}

function read(resource: XdsResource): References {
  switch (resource.typeUrl) {
    case TypeUrl.cluster:
      return clusterReferences(resource)
    case TypeUrl.listener:
      return listenerReferences(resource)
    case TypeUrl.route: {
      const route = decode(RouteConfigurationSchema, resource.bytes)
      return route === undefined ? none : { ...none, clusters: clustersOfHosts(route.virtualHosts) }
    }
    case TypeUrl.virtualHost: {
      const host = decode(VirtualHostSchema, resource.bytes)
      return host === undefined ? none : { ...none, clusters: clustersOfHosts([host]) }
    }
    default:
      return none
  }
}

function decode<Shape extends Message>(schema: GenMessage<Shape>, bytes: Uint8Array): Shape | undefined {
  try {
    return fromBinary(schema, bytes)
  } catch {
    // Malformed bytes are for the client to refuse by name; ordering needs no opinion on them.
    return undefined
  }
}

function unpack<Shape extends Message>(any: Any, schema: GenMessage<Shape>): Shape | undefined {
  try {
    return anyUnpack(any, schema)
  } catch {
    return undefined
  }
}

function clusterReferences(resource: XdsResource): References {
  const cluster = decode(ClusterSchema, resource.bytes)
  if (cluster?.clusterDiscoveryType.case !== 'type') return none
  if (cluster.clusterDiscoveryType.value !== Cluster_DiscoveryType.EDS) return none
  const serviceName = cluster.edsClusterConfig?.serviceName ?? ''
  return { ...none, edsName: serviceName === '' ? resource.name : serviceName }
}

function listenerReferences(resource: XdsResource): References {
  const listener = decode(ListenerSchema, resource.bytes)
  if (listener === undefined) return none
  const clusters = new Set<string>()
  const routes = new Set<string>()
  const chains = listener.defaultFilterChain === undefined ? [] : [listener.defaultFilterChain]
  for (const chain of [...listener.filterChains, ...chains]) {
    for (const filter of chain.filters) {
      if (filter.configType.case !== 'typedConfig') continue
      const http = unpack(filter.configType.value, HttpConnectionManagerSchema)
      if (http?.routeSpecifier.case === 'rds') routes.add(http.routeSpecifier.value.routeConfigName)
      if (http?.routeSpecifier.case === 'routeConfig') {
        for (const cluster of clustersOfHosts(http.routeSpecifier.value.virtualHosts)) clusters.add(cluster)
      }
      const tcp = unpack(filter.configType.value, TcpProxySchema)
      if (tcp?.clusterSpecifier.case === 'cluster') clusters.add(tcp.clusterSpecifier.value)
      if (tcp?.clusterSpecifier.case === 'weightedClusters') {
        for (const { name } of tcp.clusterSpecifier.value.clusters) clusters.add(name)
      }
    }
  }
  return { clusters: [...clusters], routes: [...routes], edsName: undefined }
}

function clustersOfHosts(hosts: readonly VirtualHost[]): string[] {
  const clusters = new Set<string>()
  for (const host of hosts) {
    for (const route of host.routes) {
      if (route.action.case === 'route') addClusters(route.action.value, clusters)
    }
  }
  return [...clusters]
}

function addClusters(action: RouteAction, clusters: Set<string>): void {
  if (action.clusterSpecifier.case === 'cluster') clusters.add(action.clusterSpecifier.value)
  if (action.clusterSpecifier.case === 'weightedClusters') {
    for (const { name } of action.clusterSpecifier.value.clusters) clusters.add(name)
  }
  for (const mirror of action.requestMirrorPolicies) clusters.add(mirror.cluster)
}
