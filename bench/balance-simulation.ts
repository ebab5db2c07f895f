/**
 * Balancers in virtual time: no clock, no socket, the same numbers for the same seed. `bench/balance.ts` prints what comes out,
 * `balance-simulation.test.ts` holds it to what each balancer promises.
 */
import { type Balancer, createBalancer, PeakLatency } from '../src/proxy/balance/index.ts'
import type { BalancerConfig } from '../src/proxy/config/index.ts'

/** A balancer and the name it is printed under. */
export interface SimulatedBalancer {
  readonly name: string
  readonly config: BalancerConfig
}

/** All kinds, with Envoy's defaults. */
export const simulatedBalancers: readonly SimulatedBalancer[] = [
  { name: 'round robin', config: { kind: 'round-robin' } },
  { name: 'random', config: { kind: 'random' } },
  { name: 'least request', config: { kind: 'least-request', choiceCount: 2 } },
  { name: 'least request, full scan', config: { kind: 'least-request', choiceCount: 2, fullScan: true } },
  { name: 'ring hash', config: { kind: 'ring-hash', minimumSize: 1024, maximumSize: 1_048_576 } },
  { name: 'Maglev', config: { kind: 'maglev', tableSize: 65_537 } },
  { name: 'peak EWMA', config: { kind: 'peak-ewma', decayMs: 10_000, defaultRttMs: 10, penalty: 1_000_000 } },
]

/** A host of the simulation: it serves so many requests at once, others wait in line. */
export interface SimulatedHost {
  readonly authority: string
  readonly weight: number
  activeRequests: number
  readonly latency: PeakLatency | undefined
  /** Mean of the time that a request takes when it does not wait, ms. */
  readonly meanMs: number
  /** Times at which its workers are free again. */
  readonly workers: Float64Array
}

/** Distances of what requests get from what they should. */
export interface Shares {
  /** Largest distance of a host's share from that of its weight, percent of the latter. */
  readonly equalPercent: number
  /** The same with weights 1 to 4. */
  readonly weightedPercent: number
}

/** Parts of the keys whose host stays and that go to another one all the same, percent. */
export interface Disruption {
  readonly removedPercent: number
  readonly addedPercent: number
}

/** Latency over all requests, ms. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  /** Part of the requests that went to the slow host, percent. */
  readonly slowPercent: number
}

/** What one balancer did. */
export interface SimulationResult {
  readonly name: string
  readonly shares: Shares
  readonly disruption: Disruption
  readonly even: Latency
  readonly oneSlow: Latency
}

/** How much is simulated. */
export interface SimulationSize {
  readonly picks: number
  readonly requests: number
  readonly seed: number
}

const hostCount = 10
const workersOfHost = 8
const meanMs = 10
/** Requests of a second: 60 percent of what ten good hosts can do. */
const arrivalsPerMs = (0.6 * hostCount * workersOfHost) / meanMs
const slowFactor = 10

/** Runs one balancer through all of it. */
export function simulate(balancer: SimulatedBalancer, size: SimulationSize): SimulationResult {
  const { name, config } = balancer
  return {
    name,
    shares: {
      equalPercent: spread(config, Array(hostCount).fill(1), size),
      weightedPercent: spread(config, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2], size),
    },
    disruption: disruption(config, size),
    even: latency(config, 1, size),
    oneSlow: latency(config, slowFactor, size),
  }
}

/** Mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

function hostsOf(config: BalancerConfig, weights: readonly number[], firstFactor = 1): SimulatedHost[] {
  return weights.map((weight, index) => ({
    authority: `10.0.0.${index + 1}:80`,
    weight,
    activeRequests: 0,
    latency: config.kind === 'peak-ewma' ? new PeakLatency(config.decayMs) : undefined,
    meanMs: index === 0 ? meanMs * firstFactor : meanMs,
    workers: new Float64Array(workersOfHost),
  }))
}

function balancerOf(
  config: BalancerConfig,
  hosts: readonly SimulatedHost[],
  parts: { readonly random: () => number; readonly now: () => number },
): Balancer<SimulatedHost> {
  const balancer = createBalancer<SimulatedHost>(config, parts)
  balancer.setHosts(hosts)
  return balancer
}

function hashOf(key: number): bigint {
  return Bun.hash.xxHash64(`user-${key}`, 0n)
}

/** Each pick is a request of another user that is answered at once. */
function spread(config: BalancerConfig, weights: readonly number[], size: SimulationSize): number {
  const hosts = hostsOf(config, weights)
  const balancer = balancerOf(config, hosts, { random: seededRandom(size.seed), now: () => 0 })
  const counts = new Map<SimulatedHost | undefined, number>()
  for (let pick = 0; pick < size.picks; pick += 1) {
    const host = balancer.pick(hashOf(pick))
    counts.set(host, (counts.get(host) ?? 0) + 1)
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let worst = 0
  for (const host of hosts) {
    const expected = (size.picks * host.weight) / total
    worst = Math.max(worst, Math.abs((counts.get(host) ?? 0) - expected) / expected)
  }
  return worst * 100
}

function disruption(config: BalancerConfig, size: SimulationSize): Disruption {
  const hosts = hostsOf(config, Array(hostCount + 1).fill(1))
  const balancer = balancerOf(config, hosts, { random: seededRandom(size.seed), now: () => 0 })
  const mapOf = (used: readonly SimulatedHost[]): readonly (SimulatedHost | undefined)[] => {
    balancer.setHosts(used)
    return Array.from({ length: size.picks }, (_, key) => balancer.pick(hashOf(key)))
  }
  const base = mapOf(hosts.slice(0, hostCount))
  const removed = mapOf(hosts.slice(1, hostCount))
  const added = mapOf(hosts)
  const [gone] = hosts
  const moved = (after: typeof base, left: SimulatedHost | undefined, came: SimulatedHost | undefined): number => {
    let stays = 0
    let moves = 0
    for (const [key, host] of base.entries()) {
      if (host === left) continue
      stays += 1
      if (after[key] !== host && after[key] !== came) moves += 1
    }
    return (100 * moves) / stays
  }
  return { removedPercent: moved(removed, gone, undefined), addedPercent: moved(added, undefined, hosts[hostCount]) }
}

/** A request that a host has and will have answered at `at`. */
interface Completion {
  readonly at: number
  readonly sent: number
  readonly host: SimulatedHost
}

/** Requests come at random (Poisson), take times at random (exponential), and wait when all workers of their host are busy. */
function latency(config: BalancerConfig, firstFactor: number, size: SimulationSize): Latency {
  let now = 0
  const draw = seededRandom(size.seed + 1)
  const hosts = hostsOf(config, Array(hostCount).fill(1), firstFactor)
  const balancer = balancerOf(config, hosts, { random: seededRandom(size.seed), now: () => now })
  const pending = new CompletionHeap()
  const times = new Float64Array(size.requests)
  let slow = 0
  for (let request = 0; request < size.requests; request += 1) {
    now -= Math.log(1 - draw()) / arrivalsPerMs
    for (let done = pending.takeUntil(now); done !== undefined; done = pending.takeUntil(now)) {
      done.host.activeRequests -= 1
      done.host.latency?.observe(done.at - done.sent, done.at)
    }
    const host = balancer.pick(hashOf(request))
    if (host === undefined) continue
    if (host === hosts[0]) slow += 1
    host.activeRequests += 1
    const at = serve(host, now, -Math.log(1 - draw()) * host.meanMs)
    times[request] = at - now
    pending.push({ at, sent: now, host })
  }
  times.sort()
  const quantile = (part: number): number => times[Math.floor(part * (times.length - 1))] ?? 0
  return { p50: quantile(0.5), p99: quantile(0.99), slowPercent: (100 * slow) / size.requests }
}

/** The worker that is free first takes it; when it is done is the answer. */
function serve(host: SimulatedHost, now: number, serviceMs: number): number {
  let first = 0
  for (const [index, free] of host.workers.entries()) if (free < (host.workers[first] ?? 0)) first = index
  const at = Math.max(now, host.workers[first] ?? 0) + serviceMs
  host.workers[first] = at
  return at
}

/** Completions, the next one first. */
class CompletionHeap {
  readonly #heap: Completion[] = []

  push(completion: Completion): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(completion)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.at <= completion.at) break
      heap[at] = above
      at = parent
    }
    heap[at] = completion
  }

  /** The next one, if it is due by then. */
  takeUntil(time: number): Completion | undefined {
    const heap = this.#heap
    const [first] = heap
    if (first === undefined || first.at > time) return undefined
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const leftAt = heap[left]?.at ?? Infinity
      const rightAt = heap[right]?.at ?? Infinity
      const child = rightAt < leftAt ? right : left
      const below = heap[child]
      if (below === undefined || below.at >= last.at) break
      heap[at] = below
      at = child
    }
    heap[at] = last
    return first
  }
}
