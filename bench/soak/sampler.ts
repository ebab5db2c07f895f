/** What a proxy takes of the machine, read from /proc and from its admin interface. */
import { readdirSync, readFileSync } from 'node:fs'

import { askAdmin, type SoakProxy } from './rig.ts'

/** A proxy at a moment. */
export interface Sample {
  readonly seconds: number
  readonly pid: number
  readonly rssKiB: number
  readonly anonKiB: number
  readonly pssKiB: number
  readonly heapKiB: number
  readonly descriptors: number
  readonly cpuSeconds: number
  /** Connections, requests and sessions that are open, both sides. */
  readonly active: Readonly<Record<string, number>>
}

/** Gauges that must be 0 when nothing is asked. */
const gauges = [
  'envoy_http_downstream_cx_active',
  'envoy_http_downstream_rq_active',
  'envoy_listener_downstream_cx_active',
  'envoy_cluster_upstream_cx_active',
  'envoy_cluster_upstream_rq_active',
  'envoy_cluster_upstream_rq_pending_active',
  'envoy_udp_downstream_sess_active',
] as const

const ticksPerSecond = 100

function kib(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

/** Descriptors that a process has open. */
export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** User and system time of a process. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Sums of the gauges over their labels; those that are 0 are left out. */
export async function readGauges(adminPort: number): Promise<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const line of (await askAdmin(adminPort, '/stats/prometheus')).split('\n')) {
    const name = gauges.find((gauge) => line.startsWith(gauge))
    const value = Number(line.slice(line.lastIndexOf(' ') + 1))
    if (name !== undefined && value !== 0) sums[name] = (sums[name] ?? 0) + value
  }
  return sums
}

/** Reads everything; descriptors before the admin interface is asked, whose connection is one. */
export async function takeSample(proxy: SoakProxy, seconds: number): Promise<Sample> {
  const pid = proxy.pid()
  const descriptors = countDescriptors(pid)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const active = await readGauges(proxy.adminPort)
  const memory: unknown = JSON.parse(await askAdmin(proxy.adminPort, '/memory'))
  const allocated: unknown = typeof memory === 'object' && memory !== null ? Reflect.get(memory, 'allocated') : 0
  return {
    seconds,
    pid,
    rssKiB: kib(status, 'VmRSS'),
    anonKiB: kib(status, 'RssAnon'),
    pssKiB: kib(rollup, 'Pss'),
    heapKiB: Number(allocated) / 1024,
    descriptors,
    cpuSeconds: cpuSecondsOf(pid),
    active,
  }
}

/** A straight line through points. */
export interface Slope {
  /** Per hour. */
  readonly perHour: number
  /** Standard error of that, as if the points were independent. */
  readonly errorPerHour: number
}

/** Least squares. */
export function fitSlope(points: readonly { readonly seconds: number; readonly value: number }[]): Slope {
  const count = points.length
  if (count < 3) return { perHour: 0, errorPerHour: Number.POSITIVE_INFINITY }
  const meanX = points.reduce((sum, { seconds }) => sum + seconds, 0) / count
  const meanY = points.reduce((sum, { value }) => sum + value, 0) / count
  const xx = points.reduce((sum, { seconds }) => sum + (seconds - meanX) ** 2, 0)
  const slope = points.reduce((sum, { seconds, value }) => sum + (seconds - meanX) * (value - meanY), 0) / xx
  const squares = points.reduce((sum, { seconds, value }) => {
    return sum + (value - meanY - slope * (seconds - meanX)) ** 2
  }, 0)
  return { perHour: slope * 3600, errorPerHour: Math.sqrt(squares / (count - 2) / xx) * 3600 }
}
