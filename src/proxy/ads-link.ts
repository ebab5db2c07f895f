import type { Node } from '../xds/generated/envoy/config/core/v3/base_pb.ts'
import {
  type AdsConnection,
  type AdsConnectionOptions,
  type AdsProtocol,
  createDeltaProtocol,
  createSotwProtocol,
  deltaMethod,
  openAdsConnection,
  sotwMethod,
} from '../xds/client/index.ts'
import type { Subscriptions } from './live/index.ts'

/** The ADS client of the protocol that the bootstrap asks for. */
export interface AdsLink {
  readonly subscriptions: Subscriptions
  readonly open: (options: Omit<AdsConnectionOptions<unknown, unknown>, 'method' | 'protocol'>) => AdsConnection
}

/** Makes the client's state machine, delta or state of the world; `open` connects it. */
export function createAdsLink(isDelta: boolean, node: Node): AdsLink {
  return isDelta ? linkOf(createDeltaProtocol(node), deltaMethod) : linkOf(createSotwProtocol(node), sotwMethod)
}

function linkOf<Request, Response>(
  protocol: AdsProtocol<Request, Response>,
  method: AdsConnectionOptions<Request, Response>['method'],
): AdsLink {
  return { subscriptions: protocol, open: (options) => openAdsConnection({ ...options, method, protocol }) }
}
