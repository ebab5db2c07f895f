/**
 * The xDS wire: generated Envoy v3 messages, names, and the delta and state-of-the-world state machines.
 * `server/` and `client/` hold the two ends; the state machines do no input or output.
 */
export {
  blackHoleCluster,
  httpProxyName,
  inboundClusterName,
  originMetadata,
  outboundClusterName,
  passthroughCluster,
  pushOrder,
  sdsClusterName,
  secretName,
  TypeUrl,
  xdsClusterName,
  type XdsType,
} from './names.ts'
export { type XdsResource, type XdsSnapshot } from './resource.ts'
