/**
 * The xDS wire: generated Envoy v3 messages, names, and the delta and state-of-the-world state machines.
 * `server/` and `client/` hold the two ends; the state machines do no input or output.
 *
 * This file loads no message: who needs only names (`weft run`) does not pay for the descriptors of Envoy's API.
 */
export { type RenewRequest, type RenewResponse } from './certificate-service.ts'
export {
  blackHoleCluster,
  connectCluster,
  httpProxyName,
  inboundClusterName,
  originMetadata,
  upstreamMetadata,
  outboundClusterName,
  passthroughCluster,
  processMetadata,
  pushOrder,
  sdsClusterName,
  secretName,
  TypeUrl,
  xdsClusterName,
  type XdsType,
} from './names.ts'
export { type XdsResource, type XdsSnapshot } from './resource.ts'
