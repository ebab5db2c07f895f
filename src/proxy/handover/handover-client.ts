import { err, MeshError, ok, type Result } from '../../base/index.ts'
import { type InheritedSocket, openSocketSyscalls, type SocketName, type SocketSource } from '../../net/index.ts'
import { type HandoverMessage, maxReasonLength, parseAnswer } from './messages.ts'

/** The side of a hand-over that takes: a successor, or a worker of a supervisor. */
export interface HandoverClient extends SocketSource, Disposable {
  /** All listeners serve: the one before may stop accepting. */
  readonly ready: () => void
  /** This process ends without having been ready; the one before goes on. */
  readonly failed: (reason: string) => void
}

/** The one before answers from its event loop within milliseconds; past this it is taken for dead. */
const answerTimeoutMs = 5_000

/**
 * Connects to the process whose listening sockets are to be taken over. Calls wait for their answer, since a listener is opened in
 * one step; there are a handful of them in the life of a process. Once the other side is gone, nothing is taken any more.
 * Error code `WEFT_PROXY_HANDOVER` when nobody listens at `path`.
 */
export function connectHandover(path: string): Result<HandoverClient, MeshError> {
  const system = openSocketSyscalls()
  if (system === undefined) {
    return err(new MeshError('WEFT_PROXY_HANDOVER', 'Sockets are handed over on Linux only'))
  }
  let fd = system.connectUnix(path, answerTimeoutMs)
  if (fd < 0) return err(new MeshError('WEFT_PROXY_HANDOVER', `No proxy hands its sockets over at ${path}`))
  const close = (): void => {
    if (fd >= 0) system.close(fd)
    fd = -1
  }
  const say = (message: HandoverMessage): boolean => {
    if (fd >= 0 && system.send(fd, `${JSON.stringify(message)}\n`, undefined)) return true
    close()
    return false
  }
  say({ say: 'hello', pid: process.pid })
  return ok({
    take(socket: SocketName): Result<InheritedSocket | undefined, string> {
      if (!say({ say: 'take', socket })) return ok(undefined)
      const received = system.receive(fd)
      if (received === undefined) {
        close()
        return ok(undefined)
      }
      const { descriptor } = received
      const { port, error } = parseAnswer(received.text)
      if (error !== undefined) return err(error)
      return ok(descriptor === undefined ? undefined : { descriptor, port: port ?? socket.port })
    },
    release: (socket) => void say({ say: 'release', socket }),
    ready: () => void say({ say: 'ready' }),
    failed: (reason) => void say({ say: 'failed', reason: reason.slice(0, maxReasonLength) }),
    [Symbol.dispose]: close,
  })
}
