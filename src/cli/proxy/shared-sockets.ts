import { err, ok, type Result } from '../../base/index.ts'
import {
  ignoringOwner,
  type InheritedSocket,
  listenTcp,
  openSocketSyscalls,
  type SocketName,
  type SocketSyscalls,
  socketKey,
} from '../../net/index.ts'

interface Shared extends InheritedSocket {
  /** Workers that accept from it, or did when they died. */
  readonly users: Set<number>
}

/**
 * The listening sockets that a supervisor keeps for its workers. It never accepts itself; as it holds them, what waits in their queues
 * outlives any worker. A socket is closed when every worker that took it has given it back.
 */
export class SharedSockets {
  readonly #system: SocketSyscalls | undefined = openSocketSyscalls()
  readonly #sockets = new Map<string, Shared>()

  /** The socket for a worker, opened when it is the first to ask; the error says why it cannot be. */
  take(pid: number, name: SocketName): Result<InheritedSocket | undefined, string> {
    if (name.protocol === 'udp') return err('UDP listeners are not shared between workers: run without --workers')
    const key = socketKey(name)
    const known = this.#sockets.get(key)
    if (known !== undefined) {
      known.users.add(pid)
      return ok(known)
    }
    const opened = this.#open(name)
    if (!opened.ok) return opened
    const shared: Shared = { ...opened.value, users: new Set([pid]) }
    this.#sockets.set(key, shared)
    return ok(shared)
  }

  /** A worker needs it no more. */
  release(pid: number, name: SocketName): void {
    this.#drop(pid, socketKey(name))
  }

  /** A worker is gone and nobody takes its place, or somebody has. */
  forget(pid: number): void {
    for (const key of this.#sockets.keys()) this.#drop(pid, key)
  }

  /** Closes all. */
  close(): void {
    for (const { descriptor } of this.#sockets.values()) this.#system?.close(descriptor)
    this.#sockets.clear()
  }

  #open({ address, port }: SocketName): Result<InheritedSocket, string> {
    if (this.#system === undefined) return err('Sockets are shared on Linux only')
    const bound = listenTcp({
      address,
      port,
      onAccept: (socket) => {
        socket.data = ignoringOwner
      },
      onGone: () => undefined,
    })
    if (!bound.ok) return err(bound.error.message)
    // Closed before the event loop turns: this process accepts nothing.
    const descriptor = this.#system.duplicate(bound.value.descriptor())
    bound.value.stop()
    return descriptor < 0
      ? err('The listening socket cannot be duplicated')
      : ok({ descriptor, port: bound.value.port })
  }

  #drop(pid: number, key: string): void {
    const shared = this.#sockets.get(key)
    if (shared?.users.delete(pid) !== true || shared.users.size > 0) return
    this.#system?.close(shared.descriptor)
    this.#sockets.delete(key)
  }
}
