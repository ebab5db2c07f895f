/** The course of a soak: warm-up, a quiet moment, faults in rotation, a quiet moment at half time and at the end. */
import { rmSync, writeFileSync } from 'node:fs'

import { createTraffic, type Traffic } from './traffic.ts'
import { faults } from './faults.ts'
import { type KindCount, Recorder, type UnexpectedFailure } from './recorder.ts'
import { type Rig, type SoakProxy, startRig } from './rig.ts'
import { countDescriptors, readGauges, type Sample, takeSample } from './sampler.ts'

/** A proxy when nothing is asked of it. */
export interface QuietMoment {
  readonly seconds: number
  readonly descriptors: number
  /** Garbage is collected and free pages are given back before memory is read. */
  readonly rssKiB: number
  readonly anonKiB: number
  readonly heapKiB: number
  /** Gauges that are not 0, which they must be. */
  readonly left: Readonly<Record<string, number>>
}

/** What was seen of a proxy. */
export interface ProxyOutcome {
  readonly name: string
  readonly samples: readonly Sample[]
  readonly quiet: readonly QuietMoment[]
}

/** What was seen of a run. */
export interface SoakOutcome {
  readonly minutes: number
  readonly seconds: number
  readonly proxies: readonly ProxyOutcome[]
  readonly kinds: readonly (readonly [kind: string, count: KindCount])[]
  readonly unexpected: readonly UnexpectedFailure[]
  /** How often each fault was caused. */
  readonly faults: readonly (readonly [name: string, times: number])[]
  /** Faults that did not go as they must. */
  readonly failedFaults: readonly string[]
}

const sampleMs = 5000

/** A fault that takes longer is worth a line. */
const usualFaultMs = 5000

/** Longest wait for gauges to fall to 0: idle connections end after 5 s, UDP sessions after 2 s. */
const quietMs = 20_000

/** Long enough for a proxy to see the pressure and to collect its garbage. */
const shrinkMs = 3000

/** Descriptors and gauges must hold still for so long. */
const stillMs = 3000

/** Runs it; prints a line for each fault. */
export async function runSoak(minutes: number): Promise<SoakOutcome> {
  await using rig = await startRig()
  console.log(
    `soak of ${minutes} minutes; logs in ${rig.folder}; hot restart: ${rig.canHotRestart ? 'yes' : 'not in this version'}`,
  )
  endWithSignals(rig)
  const recorder = new Recorder()
  const traffic = createTraffic(rig.ports, recorder)
  const series = rig.proxies.map((proxy) => new ProxySeries(proxy, recorder))
  const counts = new Map<string, number>()
  const failedFaults: string[] = []
  const seconds = minutes * 60
  const slotMs = Math.min(10_000, (seconds * 1000) / (faults.length * 2.5))
  let next = 0
  const rotateUntil = async (end: number): Promise<void> => {
    while (recorder.seconds < end) {
      const fault = faults[next % faults.length]
      const isFirst = next < faults.length
      next += 1
      if (fault === undefined || (fault.once === true && (!isFirst || !rig.canHotRestart))) continue
      const from = performance.now()
      console.log(`${recorder.seconds.toFixed(0).padStart(5)} s  ${fault.name}`)
      try {
        await fault.run(rig, recorder)
        counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1)
        const tookMs = performance.now() - from
        if (tookMs > usualFaultMs) console.log(`        took ${(tookMs / 1000).toFixed(1)} s`)
      } catch (cause) {
        const text = `${recorder.seconds.toFixed(0)} s, ${fault.name}: ${cause instanceof Error ? cause.message : String(cause)}`
        failedFaults.push(text)
        console.log(`FAULT FAILED ${text}`)
      }
      await Bun.sleep(Math.max(0, slotMs - (performance.now() - from)))
    }
  }
  const sampling = setInterval(() => {
    for (const one of series) void one.sample()
  }, sampleMs)
  traffic.start()
  // The first rotation is part of the warm-up: what a fault needs for the first time is not a leak.
  await rotateUntil(Math.max(seconds * 0.1, ((faults.length - 1) * slotMs) / 1000))
  await restQuietly(rig, traffic, series)
  await rotateUntil(seconds / 2)
  if (minutes >= 5) await restQuietly(rig, traffic, series)
  await rotateUntil(seconds)
  await restQuietly(rig, traffic, series, 'last')
  clearInterval(sampling)
  return {
    minutes,
    seconds: recorder.seconds,
    proxies: series.map(({ outcome }) => outcome),
    kinds: [...recorder.kinds],
    unexpected: recorder.unexpected,
    faults: [...counts],
    failedFaults,
  }
}

/** A run that is told to end leaves no proxy behind: successors are no children of the rig. */
function endWithSignals({ folder, proxies }: Rig): void {
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(name, () => {
      for (const proxy of proxies) proxy.signal('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
      process.exit(code)
    })
  }
}

async function restQuietly(
  { ports }: Rig,
  traffic: Traffic,
  series: readonly ProxySeries[],
  last?: 'last',
): Promise<void> {
  await traffic.stop()
  await Promise.all(series.map((one) => one.becomeQuiet()))
  writeFileSync(ports.pressureFile, '1')
  await Bun.sleep(shrinkMs)
  await Promise.all(series.map((one) => one.noteQuiet()))
  writeFileSync(ports.pressureFile, '0')
  if (last === undefined) traffic.start()
}

/** The books of one proxy. */
class ProxySeries {
  readonly #proxy: SoakProxy
  readonly #recorder: Recorder
  readonly #samples: Sample[] = []
  readonly #quiet: QuietMoment[] = []
  #restingDescriptors = 0

  constructor(proxy: SoakProxy, recorder: Recorder) {
    this.#proxy = proxy
    this.#recorder = recorder
  }

  get outcome(): ProxyOutcome {
    return { name: this.#proxy.name, samples: this.#samples, quiet: this.#quiet }
  }

  async sample(): Promise<void> {
    try {
      this.#samples.push(await takeSample(this.#proxy, this.#recorder.seconds))
    } catch (cause) {
      console.log(`No sample of ${this.#proxy.name}: ${String(cause)}`)
    }
  }

  /** Waits until gauges are 0 and descriptors hold still, or for as long as that may take. */
  async becomeQuiet(): Promise<void> {
    const end = performance.now() + quietMs
    let stillFrom = performance.now()
    let before = ''
    for (;;) {
      const left = await readGauges(this.#proxy.adminPort)
      await Bun.sleep(250)
      const descriptors = countDescriptors(this.#proxy.pid())
      const now = JSON.stringify([left, descriptors])
      if (now !== before) stillFrom = performance.now()
      before = now
      const isStill = performance.now() - stillFrom > stillMs && Object.keys(left).length === 0
      this.#restingDescriptors = descriptors
      if (isStill || performance.now() > end) return
    }
  }

  async noteQuiet(): Promise<void> {
    const descriptors = this.#restingDescriptors
    const { rssKiB, anonKiB, heapKiB, seconds, active } = await takeSample(this.#proxy, this.#recorder.seconds)
    this.#quiet.push({ seconds, descriptors, rssKiB, anonKiB, heapKiB, left: active })
  }
}
