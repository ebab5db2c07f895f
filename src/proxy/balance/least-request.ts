import type { LeastRequestConfig } from '../config/index.ts'
import type { BalancedHost, Balancer, BalancerParts } from './balancer.ts'
import { EdfSchedule } from './edf-schedule.ts'
import { createSlowStart } from './slow-start.ts'

/**
 * Envoy's least request. Equal weights: draws `choiceCount` hosts and takes the one with the fewest requests in progress
 * (power of two choices). Unequal weights, or a host in slow start: weighted turns, a weight being divided by
 * (requests in progress + 1) to the power of `activeRequestBias`. `FULL_SCAN`: the least of all, whatever their weights.
 */
export function createLeastRequest<Host extends BalancedHost>(
  parts: BalancerParts,
  config: LeastRequestConfig,
): Balancer<Host> {
  const { random, now } = parts
  const slowStart = createSlowStart(config.slowStart, now)
  const bias = config.activeRequestBias ?? 1
  const choiceCount = Math.max(1, config.choiceCount)
  const schedule = new EdfSchedule<Host>((host) => (host.weight / loadOf(host, bias)) * (slowStart?.factor(host) ?? 1))
  let hosts: readonly Host[] = []
  let isEqual = true
  let slowUntil = 0
  return {
    setHosts(replacement) {
      hosts = replacement
      isEqual = hosts.every(({ weight }) => weight === hosts[0]?.weight)
      slowUntil = slowStart?.until(hosts) ?? 0
      const scheduled = config.fullScan !== true && (!isEqual || slowUntil > 0)
      schedule.setItems(scheduled ? hosts : [], random)
    },
    pick() {
      if (slowUntil > 0 && now() >= slowUntil) {
        slowUntil = 0
        if (isEqual) schedule.setItems([], random)
      }
      if (!schedule.isEmpty) return schedule.next()
      if (config.fullScan === true) return leastOfAll(hosts, random)
      let best = draw(hosts, random)
      for (let choice = 1; choice < choiceCount; choice += 1) {
        const other = draw(hosts, random)
        if (best !== undefined && other !== undefined && other.activeRequests < best.activeRequests) best = other
      }
      return best
    },
  }
}

function loadOf(host: BalancedHost, bias: number): number {
  if (bias === 1) return host.activeRequests + 1
  return bias === 0 ? 1 : (host.activeRequests + 1) ** bias
}

function draw<Host>(hosts: readonly Host[], random: () => number): Host | undefined {
  return hosts[Math.floor(random() * hosts.length)]
}

/** Among equals each is as likely as the others: the one met as number n replaces the choice one time in n. */
function leastOfAll<Host extends BalancedHost>(hosts: readonly Host[], random: () => number): Host | undefined {
  let best: Host | undefined
  let equals = 0
  for (const host of hosts) {
    if (best === undefined || host.activeRequests < best.activeRequests) {
      best = host
      equals = 1
    } else if (host.activeRequests === best.activeRequests) {
      equals += 1
      if (random() * equals < 1) best = host
    }
  }
  return best
}
