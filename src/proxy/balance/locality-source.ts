import type { BalancedHost, Balancer } from './balancer.ts'
import { EdfSchedule } from './edf-schedule.ts'
import type { ZoneShares } from './zone-routing.ts'

/** Hosts of one locality with the weight of the locality. */
export interface WeightedLocality<Host extends BalancedHost> {
  readonly balancer: Balancer<Host>
  /** Above 0. */
  readonly weight: number
}

/** What gives a host of one priority. */
export type HostSource<Host extends BalancedHost> = Pick<Balancer<Host>, 'pick'>

/** Locality-weighted balancing: localities in weighted turns, then a host of the one whose turn it is. */
export function createWeightedSource<Host extends BalancedHost>(
  localities: readonly WeightedLocality<Host>[],
  random: () => number,
): HostSource<Host> {
  const schedule = new EdfSchedule<WeightedLocality<Host>>(({ weight }) => weight)
  schedule.setItems(localities, random)
  return { pick: (hash, attempt) => schedule.next()?.balancer.pick(hash, attempt) }
}

/** What zone-aware routing chooses among. */
export interface ZoneBalancers<Host extends BalancedHost> {
  readonly own: Balancer<Host>
  readonly others: readonly Balancer<Host>[]
  readonly all: Balancer<Host>
  /** `routing_enabled`, 0 to 100. */
  readonly routingPercent: number
}

/** Zone-aware routing: the own zone first, what is too much for it to zones that have room. */
export function createZoneSource<Host extends BalancedHost>(
  { own, others, all, routingPercent }: ZoneBalancers<Host>,
  shares: ZoneShares,
  random: () => number,
): HostSource<Host> {
  let total = 0
  const bounds = shares.residual.map((room) => (total += room))
  return {
    pick(hash, attempt) {
      if (routingPercent < 100 && random() * 100 >= routingPercent) return all.pick(hash, attempt)
      if (shares.own >= 1 || random() < shares.own) return own.pick(hash, attempt)
      if (total === 0) return others[Math.floor(random() * others.length)]?.pick(hash, attempt)
      const point = random() * total
      let index = 0
      while (index < bounds.length - 1 && point >= (bounds[index] ?? 0)) index += 1
      return others[index]?.pick(hash, attempt)
    },
  }
}
