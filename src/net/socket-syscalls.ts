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
      return new LibcSockets(openLibc(name))
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
 * All memory that the kernel is shown belongs to the object: what a call alone refers to by its address could be collected under it. Calls
 * never overlap, so one set of buffers serves all.
 */
class LibcSockets implements SocketSyscalls {
  readonly #libc: ReturnType<typeof openLibc>
  // Memory of their own from the start, for addresses of them are kept: that of a small typed array without one moves.
  readonly #data = new Uint8Array(new ArrayBuffer(messageBytes))
  readonly #control = new Uint8Array(new ArrayBuffer(controlBytes))
  readonly #controlView = new DataView(this.#control.buffer)
  readonly #address = new Uint8Array(new ArrayBuffer(2 + pathBytes))
  readonly #timeout = new BigInt64Array(new ArrayBuffer(16))
  readonly #parts = new BigUint64Array(new ArrayBuffer(16))
  /** `struct msghdr` of 64-bit Linux: name, its length, parts, their count, control, its length, flags. */
  readonly #header = new BigUint64Array(new ArrayBuffer(56))
  readonly #encoder = new TextEncoder()

  constructor(libc: ReturnType<typeof openLibc>) {
    this.#libc = libc
  }

  duplicate(fd: number): number {
    return this.#libc.fcntl(fd, F_DUPFD_CLOEXEC, 0)
  }

  close(fd: number): void {
    this.#libc.close(fd)
  }

  connectUnix(path: string, timeoutMs: number): number {
    const length = this.#putAddress(path)
    const fd = length === 0 ? -1 : this.#open(SOCK_STREAM)
    if (fd < 0) return -1
    this.#timeout[0] = BigInt(Math.trunc(timeoutMs / 1000))
    this.#timeout[1] = BigInt((timeoutMs % 1000) * 1000)
    this.#libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, ptr(this.#timeout), this.#timeout.byteLength)
    if (this.#libc.connect(fd, ptr(this.#address), length) === 0) return fd
    this.close(fd)
    return -1
  }

  send(fd: number, text: string, descriptor: number | undefined): boolean {
    const { read, written } = this.#encoder.encodeInto(text, this.#data)
    if (read < text.length) return false
    this.#control.fill(0)
    if (descriptor !== undefined) {
      this.#controlView.setBigUint64(0, controlLength, true)
      this.#controlView.setInt32(8, SOL_SOCKET, true)
      this.#controlView.setInt32(12, SCM_RIGHTS, true)
      this.#controlView.setInt32(16, descriptor, true)
    }
    this.#describeMessage(written, descriptor === undefined ? 0 : controlBytes)
    return Number(this.#libc.sendmsg(fd, ptr(this.#header), MSG_NOSIGNAL | MSG_DONTWAIT)) === written
  }

  receive(fd: number): { readonly text: string; readonly descriptor: number | undefined } | undefined {
    this.#control.fill(0)
    this.#describeMessage(messageBytes, controlBytes)
    const count = Number(this.#libc.recvmsg(fd, ptr(this.#header), MSG_CMSG_CLOEXEC))
    if (count <= 0) return undefined
    const view = this.#controlView
    const isRights = view.getInt32(8, true) === SOL_SOCKET && view.getInt32(12, true) === SCM_RIGHTS
    const hasDescriptor = isRights && view.getBigUint64(0, true) === controlLength
    return {
      text: new TextDecoder().decode(this.#data.subarray(0, count)),
      descriptor: hasDescriptor ? view.getInt32(16, true) : undefined,
    }
  }

  sendDatagram(path: string, text: string): boolean {
    const length = this.#putAddress(path)
    const { read, written } = this.#encoder.encodeInto(text, this.#data)
    const fd = length === 0 || read < text.length ? -1 : this.#open(SOCK_DGRAM)
    if (fd < 0) return false
    const flags = MSG_NOSIGNAL | MSG_DONTWAIT
    const sent = this.#libc.sendto(fd, ptr(this.#data), written, flags, ptr(this.#address), length)
    this.close(fd)
    return Number(sent) === written
  }

  #open(type: number): number {
    return this.#libc.socket(AF_UNIX, type | SOCK_CLOEXEC, 0)
  }

  #describeMessage(length: number, ofControl: number): void {
    this.#parts[0] = BigInt(ptr(this.#data))
    this.#parts[1] = BigInt(length)
    this.#header[2] = BigInt(ptr(this.#parts))
    this.#header[3] = 1n
    this.#header[4] = ofControl === 0 ? 0n : BigInt(ptr(this.#control))
    this.#header[5] = BigInt(ofControl)
    this.#header[6] = 0n
  }

  /** Length of the address that `#address` holds then; 0 when the path is none. */
  #putAddress(path: string): number {
    const name = this.#encoder.encode(path)
    if (name.length === 0 || name.length >= pathBytes) return 0
    const isAbstract = path.startsWith('@')
    this.#address.fill(0)
    new DataView(this.#address.buffer).setUint16(0, AF_UNIX, true)
    this.#address.set(name, 2)
    if (isAbstract) this.#address[2] = 0
    return 2 + name.length + (isAbstract ? 0 : 1)
  }
}
