import { dlopen, FFIType, ptr } from 'bun:ffi'

/** The system calls by which descriptors are duplicated and passed between processes; Linux, glibc or musl. */
export interface SocketSyscalls {
  /** A second descriptor of the same socket, closed on exec; below 0 when it failed. */
  readonly duplicate: (fd: number) => number
  readonly close: (fd: number) => void
  /** A blocking connection to a Unix stream socket whose reads end after `timeoutMs`; below 0 when nobody listens. */
  readonly connectUnix: (path: string, timeoutMs: number) => number
  /** Sends text, and a descriptor with it unless that is undefined; false when the peer is gone or takes nothing. */
  readonly send: (fd: number, text: string, descriptor: number | undefined) => boolean
  /** Reads what one call gives, with the descriptor that came with it; undefined at the end, after the timeout, on failure. */
  readonly receive: (fd: number) => { readonly text: string; readonly descriptor: number | undefined } | undefined
  /** One datagram to a Unix datagram socket; a leading `@` means the abstract name space. */
  readonly sendDatagram: (path: string, text: string) => boolean
}

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const SCM_RIGHTS = 1
const F_DUPFD_CLOEXEC = 1030
const MSG_NOSIGNAL = 0x4000
const MSG_DONTWAIT = 0x40
const MSG_CMSG_CLOEXEC = 0x40000000

/** `struct cmsghdr` (16 bytes on 64-bit Linux) with one descriptor, padded to 8. */
const controlBytes = 24
const controlLength = 20n

/** Most bytes of one message; messages are one line with an address. */
const messageBytes = 4096

/** `sun_path` of `struct sockaddr_un`, with its closing zero. */
const pathBytes = 108

/** Opens libc; undefined where there is none of Linux, and then no socket is handed over. */
export function openSocketSyscalls(): SocketSyscalls | undefined {
  if (process.platform !== 'linux') return undefined
  for (const name of ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]) {
    try {
      return wrap(openLibc(name))
    } catch {
      // Another C library: try the next name.
    }
  }
  return undefined
}

function openLibc(name: string) {
  const { i32, i64_fast: long, ptr: pointer, u32 } = FFIType
  return dlopen(name, {
    fcntl: { args: [i32, i32, i32], returns: i32 },
    close: { args: [i32], returns: i32 },
    socket: { args: [i32, i32, i32], returns: i32 },
    connect: { args: [i32, pointer, u32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
    sendmsg: { args: [i32, pointer, i32], returns: long },
    recvmsg: { args: [i32, pointer, i32], returns: long },
    sendto: { args: [i32, pointer, u32, i32, pointer, u32], returns: long },
  }).symbols
}

/**
 * All memory that the kernel is shown belongs to the closure: what a call alone refers to by its address could be collected under it. Calls
 * never overlap, so one set of buffers serves all.
 */
function wrap(libc: ReturnType<typeof openLibc>): SocketSyscalls {
  const data = new Uint8Array(messageBytes)
  const control = new Uint8Array(controlBytes)
  const controlView = new DataView(control.buffer)
  const address = new Uint8Array(2 + pathBytes)
  const timeout = new BigInt64Array(2)
  const parts = new BigUint64Array(2)
  // `struct msghdr` of 64-bit Linux: name, its length, parts, their count, control, its length, flags.
  const header = new BigUint64Array(7)
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()

  const describeMessage = (length: number, controlLength: number): void => {
    parts[0] = BigInt(ptr(data))
    parts[1] = BigInt(length)
    header[2] = BigInt(ptr(parts))
    header[3] = 1n
    header[4] = controlLength === 0 ? 0n : BigInt(ptr(control))
    header[5] = BigInt(controlLength)
    header[6] = 0n
  }
  /** Length of the address that `address` holds then; 0 when the path is none. */
  const putAddress = (path: string): number => {
    const name = encoder.encode(path)
    if (name.length === 0 || name.length >= pathBytes) return 0
    const isAbstract = path.startsWith('@')
    address.fill(0)
    new DataView(address.buffer).setUint16(0, AF_UNIX, true)
    address.set(name, 2)
    if (isAbstract) address[2] = 0
    return 2 + name.length + (isAbstract ? 0 : 1)
  }
  const open = (type: number): number => libc.socket(AF_UNIX, type | SOCK_CLOEXEC, 0)
  const close = (fd: number): void => void libc.close(fd)

  return {
    duplicate: (fd) => libc.fcntl(fd, F_DUPFD_CLOEXEC, 0),
    close,
    connectUnix(path, timeoutMs) {
      const length = putAddress(path)
      const fd = length === 0 ? -1 : open(SOCK_STREAM)
      if (fd < 0) return -1
      timeout[0] = BigInt(Math.trunc(timeoutMs / 1000))
      timeout[1] = BigInt((timeoutMs % 1000) * 1000)
      libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, ptr(timeout), timeout.byteLength)
      if (libc.connect(fd, ptr(address), length) === 0) return fd
      close(fd)
      return -1
    },
    send(fd, text, descriptor) {
      const { read, written } = encoder.encodeInto(text, data)
      if (read < text.length) return false
      control.fill(0)
      if (descriptor !== undefined) {
        controlView.setBigUint64(0, controlLength, true)
        controlView.setInt32(8, SOL_SOCKET, true)
        controlView.setInt32(12, SCM_RIGHTS, true)
        controlView.setInt32(16, descriptor, true)
      }
      describeMessage(written, descriptor === undefined ? 0 : controlBytes)
      return Number(libc.sendmsg(fd, ptr(header), MSG_NOSIGNAL | MSG_DONTWAIT)) === written
    },
    receive(fd) {
      control.fill(0)
      describeMessage(messageBytes, controlBytes)
      const count = Number(libc.recvmsg(fd, ptr(header), MSG_CMSG_CLOEXEC))
      if (count <= 0) return undefined
      const hasDescriptor = controlView.getBigUint64(0, true) === controlLength
      const isRights = controlView.getInt32(8, true) === SOL_SOCKET && controlView.getInt32(12, true) === SCM_RIGHTS
      return {
        text: decoder.decode(data.subarray(0, count)),
        descriptor: hasDescriptor && isRights ? controlView.getInt32(16, true) : undefined,
      }
    },
    sendDatagram(path, text) {
      const length = putAddress(path)
      const { read, written } = encoder.encodeInto(text, data)
      const fd = length === 0 || read < text.length ? -1 : open(SOCK_DGRAM)
      if (fd < 0) return false
      const sent = libc.sendto(fd, ptr(data), written, MSG_NOSIGNAL | MSG_DONTWAIT, ptr(address), length)
      close(fd)
      return Number(sent) === written
    },
  }
}
