/**
 * Plans in, encoded Envoy v3 resources out: the only place that writes Envoy messages.
 *
 * Nothing is decided here but how Envoy spells it: no mesh, no defaults of a dialect, no look-ups. Map fields are written
 * in a fixed order, so equal plans give equal bytes.
 */
export { emitBlackHoleCluster, emitCluster, emitConnectCluster, emitPassthroughCluster } from './cluster.ts'
export { emitEndpoints } from './endpoints.ts'
export { emitDns, emitHttpProxy, emitInbound, emitTransparent, emitUpstream } from './listener.ts'
export { emitAllRoutes, emitOnDemandRoutes, emitUpstreamRoutes, emitVirtualHost } from './route-configuration.ts'
export { emitToYaml, resourceToJson } from './snapshot-yaml.ts'
