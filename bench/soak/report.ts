/** The table of a soak and its verdict. */
import type { ProxyOutcome, SoakOutcome } from './run.ts'
import { fitSlope, type Sample, type Slope } from './sampler.ts'

/**
 * Growth of resident memory at rest, garbage collected, from half time to the end that is no failure, MiB per hour. The aim is 1; two moments ten minutes
 * apart, each exact to about 1 MiB, cannot tell less than this. Before half time code is still compiled and pages are still first used.
 */
const slopeBoundMiB = 12

/** Garbage was collected at half time: what the heap then takes again until its next collections is no leak. */
const settleSeconds = 120

/** The part of a run that the line is laid through. */
function secondHalf({ samples }: ProxyOutcome, seconds: number): readonly Sample[] {
  const from = seconds / 2 + Math.min(settleSeconds, seconds / 10)
  return samples.filter((sample) => sample.seconds >= from)
}

/** MiB per hour between the last two moments of rest. */
function slopeAtRest({ quiet }: ProxyOutcome): number {
  const [first, last] = [quiet.at(-2), quiet.at(-1)]
  if (first === undefined || last === undefined || last.seconds <= first.seconds) return 0
  return ((last.rssKiB - first.rssKiB) / 1024 / (last.seconds - first.seconds)) * 3600
}

function slopeOf(samples: readonly Sample[], read: (sample: Sample) => number): Slope {
  const slope = fitSlope(samples.map((sample) => ({ seconds: sample.seconds, value: read(sample) / 1024 })))
  return slope
}

function mib(kib: number | undefined): string {
  return kib === undefined ? '' : (kib / 1024).toFixed(1)
}

function describeSlope({ perHour, errorPerHour }: Slope): string {
  return `${perHour.toFixed(1)} +- ${errorPerHour.toFixed(1)}`
}

function printTable(heads: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${heads.join(' | ')} |`)
  console.log(`|${heads.map(() => '---').join('|')}|`)
  for (const row of rows) console.log(`| ${row.join(' | ')} |`)
}

/** Prints what was seen, as tables of Markdown. */
export function printReport(outcome: SoakOutcome): void {
  const { proxies, seconds, kinds, faults, unexpected } = outcome
  console.log('')
  printTable(
    [
      'proxy',
      'RSS at rest, MiB',
      'slope of that, MiB/h',
      'JS heap at rest, MiB',
      'RSS second half, MiB',
      'RSS slope, MiB/h',
      'anonymous slope, MiB/h',
      'JS heap slope, MiB/h',
      'PSS at the end, MiB',
      'descriptors at rest',
      'most descriptors',
      'CPU s',
    ],
    proxies.map((proxy) => {
      const half = secondHalf(proxy, seconds)
      const rss = half.map(({ rssKiB }) => rssKiB)
      return [
        proxy.name,
        proxy.quiet.map(({ rssKiB }) => mib(rssKiB)).join(', '),
        slopeAtRest(proxy).toFixed(1),
        proxy.quiet.map(({ heapKiB }) => mib(heapKiB)).join(', '),
        `${mib(Math.min(...rss))} to ${mib(Math.max(...rss))}`,
        describeSlope(slopeOf(half, ({ rssKiB }) => rssKiB)),
        describeSlope(slopeOf(half, ({ anonKiB }) => anonKiB)),
        describeSlope(slopeOf(half, ({ heapKiB }) => heapKiB)),
        mib(half.at(-1)?.pssKiB),
        proxy.quiet.map(({ descriptors }) => descriptors).join(', '),
        String(Math.max(...proxy.samples.map(({ descriptors }) => descriptors))),
        (proxy.samples.at(-1)?.cpuSeconds ?? 0).toFixed(1),
      ]
    }),
  )
  console.log('')
  printTable(
    ['traffic', 'succeeded', 'failed in a fault', 'unexpected', 'not begun'],
    kinds.map(([kind, { succeeded, excused, unexpected: failed, skipped }]) =>
      [kind, succeeded, excused, failed, skipped].map(String),
    ),
  )
  console.log('')
  printTable(
    ['fault', 'times'],
    faults.map(([name, times]) => [name, String(times)]),
  )
  const total = kinds.reduce((sum, [, { succeeded }]) => sum + succeeded, 0)
  console.log(`\n${total} operations succeeded in ${seconds.toFixed(0)} s; ${unexpected.length} failed unexpectedly`)
}

/** What must hold and does not. */
export function checkBounds(outcome: SoakOutcome): readonly string[] {
  const { proxies, unexpected, failedFaults } = outcome
  const broken: string[] = []
  if (unexpected.length > 0) broken.push(`${unexpected.length} operations failed that no fault explains`)
  broken.push(...failedFaults)
  for (const proxy of proxies) {
    const perHour = slopeAtRest(proxy)
    // A smoke test is over before memory has settled: its slope means nothing.
    if (outcome.minutes >= 10 && perHour > slopeBoundMiB)
      broken.push(`${proxy.name}: memory at rest grows by ${perHour.toFixed(1)} MiB/h, more than ${slopeBoundMiB}`)
    const [first, last] = [proxy.quiet[0], proxy.quiet.at(-1)]
    if (first === undefined || last === undefined) broken.push(`${proxy.name}: was never at rest`)
    else if (last.descriptors > first.descriptors)
      broken.push(`${proxy.name}: ${last.descriptors} descriptors at rest, ${first.descriptors} after the warm-up`)
    for (const { seconds: at, left } of proxy.quiet) {
      if (Object.keys(left).length > 0)
        broken.push(`${proxy.name}: at rest (${at.toFixed(0)} s) ${JSON.stringify(left)}`)
    }
  }
  return broken
}
