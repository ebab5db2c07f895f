/** How the endpoints of one priority are. Counts of endpoints, or sums of their weights. */
export interface LevelHealth {
  /** Without those that are excluded. */
  readonly total: number
  readonly healthy: number
  readonly degraded: number
  /** 0 by default. */
  readonly excluded?: number
}

/** Percent of the load for each priority, the sum of all being 100; and which priorities are in panic. */
export interface PriorityLoad {
  readonly healthy: readonly number[]
  readonly degraded: readonly number[]
  readonly panic: readonly boolean[]
}

/** What load is distributed by. */
export interface PriorityLoadSettings {
  /** Percent; Envoy's default is 140. */
  readonly overprovisioningFactor: number
  /** Percent; 0: no panic mode. */
  readonly panicThreshold: number
}

/**
 * Spreads load over priorities by Envoy's rules ("Priority levels" and "Panic threshold" in its manual): the first one takes
 * what its health allows with overprovisioning, the next what is left. Healthy endpoints of all priorities come before
 * degraded ones of any. When the health of all together does not make 100 %, it is scaled up, and priorities whose
 * endpoints are fewer than the panic threshold forget about health. All in whole percents, rounded as Envoy does.
 *
 * @param levels By priority; counted as `weighted_priority_health` says.
 * @param hosts By priority, counted by endpoints: what panic goes by. The same as `levels` by default.
 */
export function distributeLoad(
  levels: readonly LevelHealth[],
  settings: PriorityLoadSettings,
  hosts: readonly LevelHealth[] = levels,
): PriorityLoad {
  const { overprovisioningFactor, panicThreshold } = settings
  const percentOf = (part: number, { total }: LevelHealth): number =>
    total === 0 ? 0 : Math.min(100, Math.floor((overprovisioningFactor * part) / total))
  const healthy = levels.map((level) => percentOf(level.healthy, level))
  const degraded = levels.map((level) => percentOf(level.degraded, level))
  const available = Math.min(100, sum(healthy) + sum(degraded))
  const panic = hosts.map((level) => available < 100 && isInPanic(level, panicThreshold))
  if (available === 0 && panicThreshold === 0) return { ...nothing(levels.length), panic }
  if (panic.every(Boolean)) return { ...byHosts(hosts), panic }
  const first = takeShares(healthy, 100, available)
  const second = takeShares(degraded, first.left, available)
  // What rounding has left goes to the first that can take any.
  const target = first.taker >= 0 ? first.shares : second.shares
  const taker = first.taker >= 0 ? first.taker : second.taker
  if (taker >= 0) target[taker] = (target[taker] ?? 0) + second.left
  return { healthy: first.shares, degraded: second.shares, panic }
}

function isInPanic(level: LevelHealth, threshold: number): boolean {
  const percent = level.total === 0 ? 0 : (100 * (level.healthy + level.degraded)) / level.total
  return percent < threshold
}

/** Somebody must be asked and will say that there is nobody. */
function nothing(length: number): Omit<PriorityLoad, 'panic'> {
  return { healthy: Array.from({ length }, (_, index) => (index === 0 ? 100 : 0)), degraded: Array(length).fill(0) }
}

/** All in panic: health counts no more, each priority takes its share of all endpoints. */
function byHosts(hosts: readonly LevelHealth[]): Omit<PriorityLoad, 'panic'> {
  const counts = hosts.map((level) => level.total + (level.excluded ?? 0))
  const total = sum(counts)
  if (total === 0) return nothing(hosts.length)
  const healthy = counts.map((count) => Math.floor((100 * count) / total))
  const first = counts.findIndex((count) => count > 0)
  healthy[first] = (healthy[first] ?? 0) + 100 - sum(healthy)
  return { healthy, degraded: Array(hosts.length).fill(0) }
}

function takeShares(
  health: readonly number[],
  load: number,
  available: number,
): { readonly shares: number[]; readonly left: number; readonly taker: number } {
  let left = load
  const shares = health.map((percent) => {
    const share = Math.min(left, Math.floor((percent * 100) / available))
    left -= share
    return share
  })
  return { shares, left, taker: health.findIndex((percent) => percent > 0) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
