import { dlopen, FFIType, ptr } from 'bun:ffi'
import type { StreamSocket } from './socket-owner.ts'

/** TCP keep-alive of one socket (Envoy `TcpKeepalive`); an absent field leaves the kernel's default. */
export interface TcpKeepalive {
  /** Silence before the first probe, 1 to 32,767 s; the kernel's default is 7,200. */
  readonly idleSeconds?: number
  /** From probe to probe, 1 to 32,767 s; the kernel's default is 75. */
  readonly intervalSeconds?: number
  /** Unanswered probes before the connection is dead, 1 to 127; the kernel's default is 9. */
  readonly probes?: number
}

/** Switches keep-alive on for a socket; false when the kernel refused a value or the socket is gone. */
export type KeepaliveSetter = (socket: StreamSocket, keepalive: TcpKeepalive) => boolean

/**
 * Bun's own `setKeepAlive` takes the time before the first probe only, and puts the interval to 1 s: this one calls
 * `setsockopt`. libc is opened at the first call; where there is none, every call answers false.
 */
export function createKeepaliveSetter(): KeepaliveSetter {
  let setOption: SetOption | undefined
  return (socket, { idleSeconds, intervalSeconds, probes }) => {
    const fd: unknown = Reflect.get(socket, 'fd')
    if (typeof fd !== 'number' || fd < 0) return false
    setOption ??= openLibc()
    return (
      setOption(fd, names.socket, 1) &&
      (idleSeconds === undefined || setOption(fd, names.idle, idleSeconds)) &&
      (intervalSeconds === undefined || setOption(fd, names.interval, intervalSeconds)) &&
      (probes === undefined || setOption(fd, names.probes, probes))
    )
  }
}

type SetOption = (fd: number, option: readonly [level: number, name: number], wanted: number) => boolean

/** Numbers of the options by platform: level and name. */
const names =
  process.platform === 'darwin'
    ? ({ socket: [0xffff, 8], idle: [6, 0x10], interval: [6, 0x101], probes: [6, 0x102] } as const)
    : ({ socket: [1, 9], idle: [6, 4], interval: [6, 5], probes: [6, 6] } as const)

function openLibc(): SetOption {
  const value = new Int32Array(1)
  try {
    const { symbols } = dlopen(process.platform === 'darwin' ? 'libc.dylib' : 'libc.so.6', {
      setsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    })
    return (fd, [level, name], wanted) => {
      value[0] = wanted
      return symbols.setsockopt(fd, level, name, ptr(value), 4) === 0
    }
  } catch {
    return () => false // Another libc: the caller falls back to what Bun can do.
  }
}
