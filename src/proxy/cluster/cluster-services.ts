import type { Clock, TimerWheel } from '../../base/index.ts'
import type { DeliveryProbe, KeepaliveSetter, Resolver, SocketBudget } from '../../net/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { ProxyLimits } from '../limits.ts'
import type { TlsMaterial } from '../tls/index.ts'

/** What clusters are given by the composition; nothing else is reached for. */
export interface ClusterServices {
  readonly tls: TlsMaterial
  readonly budget: SocketBudget
  readonly resolver: Resolver
  readonly setKeepalive: KeepaliveSetter
  /** Absent: nothing is known of connections but what their events tell. */
  readonly delivery?: DeliveryProbe
  readonly telemetry: Telemetry
  readonly timers: TimerWheel
  readonly clock: Clock
  readonly limits: ProxyLimits
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** The cluster that this proxy serves in (`cluster_manager.local_cluster_name`) and where it runs: zone-aware routing needs both. */
  readonly local?: { readonly cluster: string; readonly locality: string } | undefined
  /** The endpoints of a cluster have been checked once; it takes requests from now on. */
  readonly onClusterWarm?: () => void
  /** True for the address of one of our own listeners: a connection to it by original destination would loop for ever. */
  readonly isOwnListener: (address: string, port: number) => boolean
}
