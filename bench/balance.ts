/**
 * `bun bench/balance.ts [SEED]`: what each balancer does with ten hosts, simulated in virtual time. Shares: largest distance from what
 * is due. Disruption: keys that change host though theirs stays, when one of ten goes or an eleventh comes. Latency: at
 * 60 % load, all hosts alike and then one of them ten times as slow.
 */
import { simulate, simulatedBalancers } from './balance-simulation.ts'

const seed = Number(process.argv[2] ?? 1)
const columns = [
  'balancer',
  'share +-',
  'weighted +-',
  'moved -1',
  'moved +1',
  'p50',
  'p99',
  'slow: p50',
  'p99',
  'to slow',
]
const rows = simulatedBalancers.map((balancer) => {
  const { name, shares, disruption, even, oneSlow } = simulate(balancer, { picks: 20_000, requests: 50_000, seed })
  return [
    name,
    percent(shares.equalPercent),
    percent(shares.weightedPercent),
    percent(disruption.removedPercent),
    percent(disruption.addedPercent),
    ms(even.p50),
    ms(even.p99),
    ms(oneSlow.p50),
    ms(oneSlow.p99),
    percent(oneSlow.slowPercent),
  ]
})

for (const row of [columns, ...rows]) {
  console.log(row.map((cell, index) => (index === 0 ? cell.padEnd(26) : cell.padStart(12))).join(''))
}

function percent(value: number): string {
  return `${value.toFixed(1)} %`
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}
