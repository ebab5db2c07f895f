import { dlopen, FFIType, ptr } from 'bun:ffi'
import type { StreamSocket } from './socket-owner.ts'

/** What the kernel knows of a connection before its events are delivered. */
export interface DeliveryProbe {
  /** Nothing waits to be read: no octet, no end of the peer, no error. False as well when it cannot be told. */
  readonly isQuiet: (socket: StreamSocket) => boolean
  /** Octets that were written and that the peer's TCP has not acknowledged; -1 when it cannot be told. For TLS these are octets of records. */
  readonly unacknowledged: (socket: StreamSocket) => number
}

/** `SIOCOUTQ` of Linux: `write_seq - snd_una`, right until the descriptor is closed, whatever the state of the connection. */
const SIOCOUTQ = 0x5411
const POLLIN = 1

/** Opens libc at the first call. Where there is none, or the system is not Linux, connections count as quiet and nothing is known of acknowledgements. */
export function createDeliveryProbe(): DeliveryProbe {
  let calls: KernelCalls | undefined
  return {
    isQuiet(socket) {
      const fd = descriptorOf(socket)
      return fd >= 0 && (calls ??= openLibc()).isQuiet(fd)
    },
    unacknowledged(socket) {
      const fd = descriptorOf(socket)
      return fd < 0 ? -1 : (calls ??= openLibc()).unacknowledged(fd)
    },
  }
}

interface KernelCalls {
  readonly isQuiet: (fd: number) => boolean
  readonly unacknowledged: (fd: number) => number
}

function descriptorOf(socket: StreamSocket): number {
  const fd: unknown = Reflect.get(socket, 'fd')
  return typeof fd === 'number' ? fd : -1
}

function openLibc(): KernelCalls {
  const nothing: KernelCalls = { isQuiet: () => true, unacknowledged: () => -1 }
  if (process.platform !== 'linux') return nothing
  try {
    const { symbols } = dlopen('libc.so.6', {
      poll: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
      ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
    })
    // struct pollfd: int fd, short events, short revents. POLLERR and POLLHUP are told unasked.
    // Memory of their own from the start: the octets of a small typed array without one move when compiled code takes the array over.
    const entry = new Int32Array(new ArrayBuffer(8))
    const octets = new Int32Array(new ArrayBuffer(4))
    const entryAt = ptr(entry)
    const octetsAt = ptr(octets)
    return {
      isQuiet(fd) {
        entry[0] = fd
        entry[1] = POLLIN
        return symbols.poll(entryAt, 1, 0) === 0
      },
      unacknowledged(fd) {
        return symbols.ioctl(fd, SIOCOUTQ, octetsAt) === 0 ? (octets[0] ?? -1) : -1
      },
    }
  } catch {
    return nothing // Another libc: replays then need what the socket itself can tell.
  }
}
