import { chmodSync, rmSync } from 'node:fs'
import type { Socket } from 'bun'
import { err, MeshError, ok, type Result } from '../../base/index.ts'
import { type InheritedSocket, openSocketSyscalls, type SocketName } from '../../net/index.ts'
import { LineReader } from './line-reader.ts'
import { maxLineBytes, parseMessage, type TakeAnswer } from './messages.ts'

/** What the process that hands over does; `pid` tells its successors or workers apart. */
export interface HandoverHost {
  /** The socket, which stays the host's; undefined: the other is to open its own. */
  readonly onTake: (pid: number, socket: SocketName) => Result<InheritedSocket | undefined, string>
  readonly onRelease?: (pid: number, socket: SocketName) => void
  readonly onReady: (pid: number) => void
  readonly onFailed: (pid: number, reason: string) => void
  /** Its connection is closed, whatever came before. */
  readonly onGone: (pid: number) => void
}

/** A place where listening sockets are handed over. */
export interface HandoverServer extends Disposable {
  readonly path: string
}

interface Peer {
  pid: number
  readonly reader: LineReader
}

/**
 * Hands listening sockets to other processes of the same user, at a Unix socket that nobody else may open (0600). Error code
 * `WEFT_PROXY_HANDOVER` when the socket cannot be made.
 */
export function startHandoverServer(path: string, host: HandoverHost): Result<HandoverServer, MeshError> {
  const system = openSocketSyscalls()
  if (system === undefined) {
    return err(new MeshError('WEFT_PROXY_HANDOVER', 'Sockets are handed over on Linux only'))
  }
  const answer = (socket: Socket<Peer>, result: Result<InheritedSocket | undefined, string>): void => {
    const fd: unknown = Reflect.get(socket, 'fd')
    const body: TakeAnswer = result.ok
      ? { ...(result.value === undefined ? {} : { port: result.value.port }) }
      : { error: result.error.slice(0, maxLineBytes / 4) }
    const descriptor = result.ok ? result.value?.descriptor : undefined
    if (typeof fd !== 'number' || !system.send(fd, JSON.stringify(body), descriptor)) socket.terminate()
  }
  const onLine = (socket: Socket<Peer>, line: string): void => {
    const message = parseMessage(line)
    const { pid } = socket.data
    switch (message?.say) {
      case 'hello':
        socket.data.pid = message.pid
        return
      case 'take':
        answer(socket, host.onTake(pid, message.socket))
        return
      case 'release':
        host.onRelease?.(pid, message.socket)
        return
      case 'ready':
        host.onReady(pid)
        return
      case 'failed':
        host.onFailed(pid, message.reason)
        return
      default:
        socket.terminate()
    }
  }
  try {
    rmSync(path, { force: true })
    const server = Bun.listen<Peer>({
      unix: path,
      socket: {
        open(socket) {
          socket.data = { pid: 0, reader: new LineReader() }
        },
        data(socket, bytes) {
          const lines = socket.data.reader.push(bytes)
          if (lines === undefined) socket.terminate()
          else for (const line of lines) onLine(socket, line)
        },
        close: ({ data }) => host.onGone(data.pid),
      },
    })
    chmodSync(path, 0o600)
    return ok({
      path,
      [Symbol.dispose]: () => {
        server.stop(true)
        rmSync(path, { force: true })
      },
    })
  } catch (cause) {
    return err(new MeshError('WEFT_PROXY_HANDOVER', `Cannot listen on ${path}`, { cause }))
  }
}
