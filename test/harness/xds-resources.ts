/** Hand-written xDS resources for tests: JSON in, encoded resources and snapshots out. */
import { createHash } from 'node:crypto'
import { type DescMessage, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { anyTypes } from '../../src/proxy/config/index.ts'
import { ClusterSchema } from '../../src/xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../src/xds/generated/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../src/xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { VirtualHostSchema } from '../../src/xds/generated/envoy/config/route/v3/route_components_pb.ts'
import { RouteConfigurationSchema } from '../../src/xds/generated/envoy/config/route/v3/route_pb.ts'
import { TypeUrl, type XdsResource, type XdsSnapshot, type XdsType } from '../../src/xds/index.ts'

/** Encodes a resource from the JSON that a bootstrap would hold; the version is a hash of the bytes. */
export function testResource(typeUrl: XdsType, schema: DescMessage, name: string, json: JsonObject): XdsResource {
  const bytes = toBinary(schema, fromJson(schema, json, { registry: anyTypes }))
  const version = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { typeUrl, name, version, bytes, origins: [] }
}

/** An EDS cluster over ADS; `fields` are added. */
export function testCluster(name: string, fields: JsonObject = {}): XdsResource {
  const edsConfig = { ads: {}, resource_api_version: 'V3' }
  return testResource(TypeUrl.cluster, ClusterSchema, name, {
    name,
    type: 'EDS',
    connect_timeout: '1s',
    eds_cluster_config: { eds_config: edsConfig },
    ...fields,
  })
}

/** One endpoint on 127.0.0.1 for each port. */
export function testEndpoints(cluster: string, ports: readonly number[]): XdsResource {
  const endpoints = ports.map((port) => {
    return { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }
  })
  return testResource(TypeUrl.endpoints, ClusterLoadAssignmentSchema, cluster, {
    cluster_name: cluster,
    endpoints: [{ lb_endpoints: endpoints }],
  })
}

/** The outbound HTTP proxy listener with virtual hosts on demand (`RDS http_proxy`). */
export function testHttpProxyListener(port: number, fields: JsonObject = {}): XdsResource {
  const extension = 'type.googleapis.com/envoy.extensions.filters'
  return testResource(TypeUrl.listener, ListenerSchema, 'http_proxy', {
    name: 'http_proxy',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${extension}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 'http_proxy',
              rds: { route_config_name: 'http_proxy', config_source: { ads: {}, resource_api_version: 'V3' } },
              http_filters: [
                {
                  name: 'envoy.filters.http.on_demand',
                  typed_config: { '@type': `${extension}.http.on_demand.v3.OnDemand` },
                },
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': `${extension}.http.router.v3.Router` },
                },
              ],
            },
          },
        ],
      },
    ],
    ...fields,
  })
}

/** The route configuration `http_proxy`, whose hosts come by VHDS over ADS. */
export function testOnDemandRoutes(fields: JsonObject = {}): XdsResource {
  return testResource(TypeUrl.route, RouteConfigurationSchema, 'http_proxy', {
    name: 'http_proxy',
    vhds: { config_source: { ads: {}, resource_api_version: 'V3' } },
    ...fields,
  })
}

/** The route configuration `http_proxy` with one virtual host inline. */
export function testInlineRoutes(authority: string, cluster: string): XdsResource {
  const routes = [{ match: { prefix: '/' }, route: { cluster } }]
  return testResource(TypeUrl.route, RouteConfigurationSchema, 'http_proxy', {
    name: 'http_proxy',
    virtual_hosts: [{ name: authority, domains: [authority], routes }],
  })
}

/** A virtual host that sends everything to `cluster`. */
export function testVirtualHost(authority: string, cluster: string, fields: JsonObject = {}): XdsResource {
  return testResource(TypeUrl.virtualHost, VirtualHostSchema, `http_proxy/${authority}`, {
    name: authority,
    domains: [authority],
    routes: [{ match: { prefix: '/' }, route: { cluster } }],
    ...fields,
  })
}

/** Sorts resources into a snapshot. */
export function testSnapshot(resources: readonly XdsResource[]): XdsSnapshot {
  const snapshot = new Map<XdsType, Map<string, XdsResource>>()
  for (const resource of resources) {
    const byName = snapshot.get(resource.typeUrl) ?? new Map<string, XdsResource>()
    snapshot.set(resource.typeUrl, byName.set(resource.name, resource))
  }
  return snapshot
}
