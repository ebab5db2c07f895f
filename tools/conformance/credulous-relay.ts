import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

import { readMessages } from '../../test/differential/http/messages.ts'
import type { RunningServer } from './smuggling-servers.ts'

/** A client whose turn it is, or will be. */
interface Waiting {
  readonly client: Socket
  readonly bytes: string
}

/**
 * A proxy that makes every mistake: it believes `Content-Length` alone, sends on what it got as it came, and keeps one connection for all
 * clients. The judge must catch it, else the judge sees nothing.
 */
export async function startCredulousRelay(upstream: number): Promise<RunningServer> {
  const queue: Waiting[] = []
  let current: Waiting | undefined
  let answer = ''
  const shared = { socket: connectUpstream() }
  const server = createServer((client) => {
    let raw = ''
    client.on('error', () => {})
    client.on('close', () => {
      // Whoever goes away without an answer takes the connection along: the next one is not to wait for ever.
      if (current?.client === client) shared.socket.destroy()
    })
    client.on('data', (part) => {
      raw += part.toString('latin1')
      const end = endOfRequest(raw)
      if (end === undefined) return
      queue.push({ client, bytes: raw.slice(0, end) })
      raw = raw.slice(end)
      next()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    stop: () => {
      server.close()
      shared.socket.destroy()
      return Promise.resolve()
    },
  }

  function connectUpstream(): Socket {
    const socket = connect({ host: '127.0.0.1', port: upstream })
    socket.on('error', () => {})
    socket.on('data', (part) => {
      answer += part.toString('latin1')
      deliver()
    })
    socket.on('close', () => {
      if (shared.socket !== socket || !server.listening) return
      current?.client.end(answer, 'latin1')
      current = undefined
      answer = ''
      shared.socket = connectUpstream()
      next()
    })
    return socket
  }

  function next(): void {
    if (current !== undefined) return
    current = queue.shift()
    if (current === undefined) return
    shared.socket.write(current.bytes, 'latin1')
    deliver()
  }

  /** The first whole answer belongs, as this relay sees it, to whoever has the turn. */
  function deliver(): void {
    const { messages, rest } = readMessages(answer, { side: 'responses', ended: false })
    if (current === undefined || messages[0]?.complete !== true) return
    const second = messages.length > 1 ? answer.indexOf('HTTP/1.1 ', 9) : answer.length - rest.length
    current.client.end(answer.slice(0, second), 'latin1')
    answer = answer.slice(second)
    current = undefined
    next()
  }
}

/** Offset behind the first request, framed by `Content-Length` alone; undefined when more is to come. */
function endOfRequest(raw: string): number | undefined {
  const head = raw.indexOf('\r\n\r\n') + 4
  if (head < 4) return undefined
  const length = Number(/^content-length: *(\d+)\r$/im.exec(raw.slice(0, head))?.[1] ?? 0)
  return raw.length < head + length ? undefined : head + length
}
