import { dlopen, FFIType, ptr } from 'bun:ffi'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Holds back accepting on a listening socket without closing it; false when this system cannot. */
export type AcceptGate = (listenerFd: number, accepting: boolean) => boolean

const EPOLL_CTL_MOD = 3

/** Where the event loop waits for a socket, as Linux tells in `fdinfo`. */
interface Registration {
  readonly epoll: number
  readonly events: number
  readonly data: bigint
}

/**
 * Bun cannot stop accepting for a while: closing the socket resets who waits in its backlog. This takes the listening socket's
 * events out of the event loop's epoll set and puts them back as they were, so that the kernel keeps who waits (Envoy's disabled
 * listener). Linux only.
 */
export function createAcceptGate(): AcceptGate {
  const paused = new Map<number, Registration>()
  let modify: ((at: Registration, fd: number, events: number) => boolean) | undefined
  return (fd, accepting) => {
    const known = paused.get(fd)
    if (accepting === (known === undefined)) return true
    const at = known ?? findRegistration(fd)
    if (at === undefined) return false
    modify ??= openEpoll()
    if (!modify(at, fd, accepting ? at.events : 0)) return false
    if (accepting) paused.delete(fd)
    else paused.set(fd, at)
    return true
  }
}

function findRegistration(fd: number): Registration | undefined {
  if (process.platform !== 'linux' || fd < 0) return undefined
  const line = new RegExp(`^tfd:\\s+${fd} events:\\s+([0-9a-f]+) data:\\s+([0-9a-f]+)`, 'm')
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`) !== 'anon_inode:[eventpoll]') continue
      const found = line.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))
      if (found !== null)
        return { epoll: Number(name), events: Number.parseInt(found[1] ?? '', 16), data: BigInt(`0x${found[2] ?? ''}`) }
    } catch {
      // The descriptor of the listing itself is gone again.
    }
  }
  return undefined
}

function openEpoll(): (at: Registration, fd: number, events: number) => boolean {
  try {
    const { symbols } = dlopen('libc.so.6', {
      epoll_ctl: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
    })
    // struct epoll_event is packed on x86-64 only.
    const dataAt = process.arch === 'x64' ? 4 : 8
    const event = Buffer.alloc(16)
    return ({ epoll, data }, fd, events) => {
      event.writeUInt32LE(events, 0)
      event.writeBigUInt64LE(data, dataAt)
      return symbols.epoll_ctl(epoll, EPOLL_CTL_MOD, fd, ptr(event)) === 0
    }
  } catch {
    return () => false // Another libc: the caller closes what it accepts instead.
  }
}
