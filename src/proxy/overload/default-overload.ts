import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { OverloadConfig } from '../config/index.ts'
import { OverloadLimits } from './limits.ts'

const heap = 'envoy.resource_monitors.fixed_heap'
const delay = 'weft.resource_monitors.event_loop_delay'

/**
 * What holds without `overload_manager` in the bootstrap: memory against what this process may have, and the delay of its event loop.
 * Memory gives back first, then shortens idle times, then sheds; shares follow the sample of Envoy's documentation.
 */
export function defaultOverload(memoryBytes: number = memoryLimitBytes()): OverloadConfig {
  const threshold = (monitor: string, value: number) =>
    ({ monitor, kind: 'threshold', scalesAbove: value, saturatedAt: value }) as const
  return {
    refreshMs: OverloadLimits.defaultRefreshMs,
    monitors: [
      { name: heap, kind: 'fixed-heap', maxBytes: memoryBytes },
      { name: delay, kind: 'event-loop-delay', maxMs: OverloadLimits.defaultEventLoopDelayMs },
    ],
    maxDownstreamConnections: undefined,
    actions: [
      { name: 'shrink_heap', triggers: [threshold(heap, 0.8)], timers: [] },
      {
        name: 'reduce_timeouts',
        triggers: [{ monitor: heap, kind: 'scaled', scalesAbove: 0.85, saturatedAt: 0.95 }],
        timers: [
          { timer: 'connection-idle', kind: 'absolute', minMs: 2000 },
          { timer: 'stream-idle', kind: 'absolute', minMs: 10_000 },
        ],
      },
      { name: 'disable_http_keepalive', triggers: [threshold(heap, 0.92)], timers: [] },
      { name: 'stop_accepting_requests', triggers: [threshold(heap, 0.95), threshold(delay, 1)], timers: [] },
      { name: 'reject_incoming_connections', triggers: [threshold(heap, 0.98)], timers: [] },
    ],
  }
}

/** Memory that this process may use: the limit of its control group (version 2 or 1), or nine tenths of the machine's. */
export function memoryLimitBytes(readText: (path: string) => string = (path) => readFileSync(path, 'utf8')): number {
  const machine = Math.floor(totalmem() * 0.9)
  for (const path of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const text = readText(path).trim()
      if (/^\d+$/.test(text)) return Math.max(1, Math.min(Number(text), machine))
    } catch {
      // No control group of this version here.
    }
  }
  return machine
}
