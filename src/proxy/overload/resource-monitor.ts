import { closeSync, openSync, readSync } from 'node:fs'
import type { OverloadMonitorConfig } from '../config/index.ts'
import { OverloadLimits } from './limits.ts'

/** Watches one resource. */
export interface ResourceMonitor {
  readonly name: string
  /** Pressure now, 0 (idle) to 1 (exhausted) and above; undefined when it cannot be told. `lateMs`: by how much this reading is late. */
  readonly read: (lateMs: number) => number | undefined
}

/** Where monitors take their numbers from; tests hand in their own. */
export interface ResourceReaders {
  /** Resident memory of this process in bytes: what the kernel counts when it looks for a process to end. */
  readonly residentBytes: () => number
  readonly readText: (path: string) => string
}

/** The machine's own. */
export const systemReaders: ResourceReaders = {
  residentBytes: () => process.memoryUsage.rss(),
  readText: (path) => {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(OverloadLimits.injectedFileBytes)
      return bytes.toString('latin1', 0, readSync(file, bytes))
    } finally {
      closeSync(file)
    }
  },
}

/** Makes a monitor of a configuration. */
export function createResourceMonitor(config: OverloadMonitorConfig, readers: ResourceReaders): ResourceMonitor {
  switch (config.kind) {
    case 'fixed-heap':
      return { name: config.name, read: () => readers.residentBytes() / config.maxBytes }
    case 'event-loop-delay':
      return createDelayMonitor(config.name, config.maxMs)
    default:
      return { name: config.name, read: () => parsePressure(readers, config.filename) }
  }
}

/**
 * How late the event loop comes to its work, as a share of `maxMs`. The lesser of two readings counts: one long pause (a collection of
 * garbage, a big configuration) is no overload, a delay that stands is (as CoDel judges queues).
 */
function createDelayMonitor(name: string, maxMs: number): ResourceMonitor {
  let before = 0
  return {
    name,
    read(lateMs) {
      const standing = Math.min(before, lateMs)
      before = lateMs
      return standing / maxMs
    },
  }
}

function parsePressure(readers: ResourceReaders, path: string): number | undefined {
  try {
    const text = readers.readText(path).trim()
    const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
    return value >= 0 && value <= 1 ? value : undefined
  } catch {
    // No file is a failed update: the last pressure stands, and the counter says so.
    return undefined
  }
}
