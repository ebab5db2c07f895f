/** An upstream that does what none should, chosen by the path: `/bad/reset` resets the connection, and so on. */
import { createServer, type Server, type Socket } from 'node:net'

/** A way to misbehave, and what the client of the first proxy must see of it. */
export interface Misdeed {
  readonly name: string
  /** Of the answer. */
  readonly status: number
  /** The body must end early: the connection is cut. */
  readonly isCut?: boolean
}

/** What the upstream can do. */
export const misdeeds: readonly Misdeed[] = [
  { name: 'reset', status: 503 },
  { name: 'close', status: 503 },
  { name: 'hang', status: 504 },
  { name: 'garbage', status: 502 },
  { name: 'huge-head', status: 502 },
  { name: 'two-lengths', status: 502 },
  { name: 'bad-chunk', status: 200, isCut: true },
  { name: 'short-body', status: 200, isCut: true },
  { name: 'reset-in-body', status: 200, isCut: true },
]

/** So much later than the head comes what is wrong with the body: when both come at once, the client may never hear of the head. */
const lateMs = 20

const hundredOfThousand = `HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(100)}`

function misbehave(socket: Socket, deed: string): void {
  switch (deed) {
    case 'reset':
      return void socket.resetAndDestroy()
    case 'close':
      return void socket.end()
    case 'garbage':
      return void socket.write('\0\u0001\u0002 this is no answer\r\n\r\n')
    case 'huge-head':
      return void socket.write(`HTTP/1.1 200 OK\r\nx-huge: ${'h'.repeat(100_000)}\r\n\r\n`)
    case 'two-lengths':
      return void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc')
    case 'bad-chunk':
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n')
      setTimeout(() => socket.write('zz\r\n'), lateMs)
      return undefined
    case 'short-body':
      socket.write(hundredOfThousand)
      setTimeout(() => socket.end(), lateMs)
      return undefined
    case 'reset-in-body':
      socket.write(hundredOfThousand)
      setTimeout(() => socket.resetAndDestroy(), lateMs)
      return undefined
    default:
      return undefined // Hangs.
  }
}

/** Starts it on a port. */
export function startMisbehavingUpstream(port: number): Promise<Server> {
  const server = createServer((socket) => {
    let head = ''
    socket.on('error', () => socket.destroy())
    socket.on('data', (part) => {
      head += part.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      const deed = / \/bad\/([a-z-]+)/.exec(head)?.[1] ?? 'hang'
      head = ''
      misbehave(socket, deed)
    })
  })
  return new Promise((resolve) => void server.listen(port, '127.0.0.1', () => resolve(server)))
}
