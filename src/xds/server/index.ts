/**
 * The server's end of ADS: pure stream state machines (delta and state of the world over one core), and the gRPC
 * service that runs them with mutual TLS.
 *
 *     request -> protocol (delta | sotw) -> core: subscriptions, nonces, what the client holds -> order of the push -> response
 *
 * Knows nothing of the mesh: the control plane hands in snapshots and is called back.
 */
export {
  type Admission,
  type AdsCallbacks,
  type AdsClient,
  type AdsServer,
  type AdsServerOptions,
  type NodeInfo,
  type PeerIdentity,
  type Rejection,
  type RenewHandler,
  type ServerIdentity,
  type SnapshotUpdate,
  type StreamState,
  type TypeSyncState,
} from './contract.ts'
export { createAdsServer } from './ads-server.ts'
