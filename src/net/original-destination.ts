import { dlopen, FFIType, ptr } from 'bun:ffi'
import type { StreamSocket } from './socket-owner.ts'

/** Where a redirected connection wanted to go. */
export interface OriginalDestination {
  readonly address: string
  readonly port: number
}

/** Reads `SO_ORIGINAL_DST` of an accepted connection; undefined when it was not redirected (or is not IPv4). */
export type OriginalDestinationReader = (socket: StreamSocket) => OriginalDestination | undefined

const SOL_IP = 0
const SO_ORIGINAL_DST = 80
const AF_INET = 2

/**
 * Opens libc once for `getsockopt`. Linux only; throws where libc is not to be had, which is a reason not to start a
 * transparent listener and not a reason to guess a destination.
 */
export function createOriginalDestinationReader(): OriginalDestinationReader {
  const { symbols } = dlopen(process.platform === 'darwin' ? 'libc.dylib' : 'libc.so.6', {
    getsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  })
  // struct sockaddr_in: family (host order), port and address (network order), padding.
  const address = new Uint8Array(16)
  const view = new DataView(address.buffer)
  const length = new Uint32Array(1)
  return (socket) => {
    const fd: unknown = Reflect.get(socket, 'fd')
    if (typeof fd !== 'number' || fd < 0) return undefined
    length[0] = 16
    if (symbols.getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, ptr(address), ptr(length)) !== 0) return undefined
    if (view.getUint16(0, true) !== AF_INET) return undefined
    return { address: address.subarray(4, 8).join('.'), port: view.getUint16(2) }
  }
}
