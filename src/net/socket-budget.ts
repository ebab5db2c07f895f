import { readFileSync } from 'node:fs'
import { NetLimits } from './limits.ts'

/**
 * How many sockets this process may still hold. The accept loop of the runtime spins when descriptors run out (EMFILE), so
 * they must never: a connection beyond the budget is accepted and closed at once, which costs nothing and tells the client.
 */
export interface SocketBudget {
  /** Takes room for a downstream connection and the upstream one it will need; false when there is none. */
  readonly takeDownstream: () => boolean
  readonly giveDownstream: () => void
  /** Takes room for one upstream connection; false when there is none. */
  readonly takeUpstream: () => boolean
  readonly giveUpstream: () => void
  readonly downstream: number
  /** Most downstream connections at once. */
  readonly maxDownstream: number
  readonly upstream: number
}

/** Bounds of a budget. */
export interface SocketBudgetOptions {
  /** File descriptors that the process may open. */
  readonly fileDescriptors: number
  readonly maxDownstream?: number
}

/** Makes a budget that leaves `NetLimits.reservedFileDescriptors` for all else. */
export function createSocketBudget(options: SocketBudgetOptions): SocketBudget {
  const total = Math.max(2, options.fileDescriptors - NetLimits.reservedFileDescriptors)
  const maxDownstream = Math.min(
    options.maxDownstream ?? NetLimits.downstreamConnections,
    Math.floor(total / 2),
    Math.max(1, Math.floor(options.fileDescriptors * NetLimits.downstreamDescriptorShare)),
  )
  let downstream = 0
  let upstream = 0
  return {
    takeDownstream() {
      if (downstream >= maxDownstream || downstream + upstream >= total) return false
      downstream += 1
      return true
    },
    giveDownstream() {
      downstream -= 1
    },
    takeUpstream() {
      if (downstream + upstream >= total) return false
      upstream += 1
      return true
    },
    giveUpstream() {
      upstream -= 1
    },
    maxDownstream,
    get downstream() {
      return downstream
    },
    get upstream() {
      return upstream
    },
  }
}

/** Soft limit of open files of this process; 1024 where the system does not say. Bun raises it to the hard limit when it starts. */
export function readFileDescriptorLimit(): number {
  try {
    const line = readFileSync('/proc/self/limits', 'utf8').match(/^Max open files\s+(\d+|unlimited)/m)
    const value = line?.[1]
    if (value === 'unlimited') return 1_048_576
    return value === undefined ? 1024 : Number(value)
  } catch {
    // Not Linux: the smallest default that is in use.
    return 1024
  }
}
