/**
 * The client's end of ADS: pure protocol state machines (delta and state of the world), and a gRPC transport that
 * reconnects with backoff.
 *
 *     response -> protocol -> apply (decode, compile: the proxy's) -> faults -> ACK or NACK
 *
 * Knows nothing of what resources mean; subscriptions are the proxy's decision.
 */
export { deltaMethod, sotwMethod } from '../ads-methods.ts'
export { type AdsConnection, type AdsConnectionOptions, openAdsConnection } from './ads-connection.ts'
export {
  type ChannelCredentials,
  type ChannelIdentity,
  createChannelCredentials,
  plaintextCredentials,
  type ServerNameMatch,
} from './channel-credentials.ts'
export {
  type AdsProtocol,
  type ApplyUpdate,
  type ReceivedResource,
  type ReceivedUpdate,
  type ResourceFault,
} from './contract.ts'
export { createDeltaProtocol } from './delta-protocol.ts'
export { renewCertificate } from './renew-certificate.ts'
export { createSotwProtocol } from './sotw-protocol.ts'
