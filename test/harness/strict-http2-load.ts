/** HTTP/2 load that forgives nothing: no retry. A session that was told GOAWAY finishes its streams and is replaced, as in any client. */
import { type ClientHttp2Session, connect } from 'node:http2'
import type { StrictResult } from './strict-load.ts'

/** Load that runs until it is stopped. */
export interface Http2Load {
  readonly requests: () => number
  readonly stop: () => Promise<Omit<StrictResult, 'bodies'>>
}

interface Counts {
  requests: number
  connections: number
  readonly failures: string[]
  isStopped: boolean
}

/** Starts clients with one session each, on which `streams` requests run at a time. */
export function startHttp2Load(
  port: number,
  { clients, streams }: { readonly clients: number; readonly streams: number },
): Http2Load {
  const counts: Counts = { requests: 0, connections: 0, failures: [], isStopped: false }
  const running = Array.from({ length: clients }, () => runClient(port, streams, counts))
  return {
    requests: () => counts.requests,
    stop: async () => {
      counts.isStopped = true
      await Promise.all(running)
      const { requests, connections, failures } = counts
      return { requests, connections, failures }
    },
  }
}

async function runClient(port: number, streams: number, counts: Counts): Promise<void> {
  let current: ClientHttp2Session | undefined
  const open = (): ClientHttp2Session => {
    const session = connect(`http://127.0.0.1:${port}`)
    const leave = () => {
      if (current === session) current = undefined
    }
    counts.connections += 1
    session.on('error', (error: Error) => {
      note(counts, `session: ${error.message}`)
      leave()
    })
    session.on('goaway', () => {
      leave()
      session.close()
    })
    session.on('close', leave)
    return session
  }
  while (!counts.isStopped) {
    current ??= open()
    const session = current
    await Promise.all(Array.from({ length: streams }, () => ask(session, counts)))
  }
  current?.close()
}

function ask(session: ClientHttp2Session, counts: Counts): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  try {
    const stream = session.request({ ':path': '/' })
    let status = 0
    let body = ''
    stream.on('response', (headers) => (status = headers[':status'] ?? 0))
    stream.on('data', (bytes: Buffer) => (body += bytes.toString()))
    stream.on('error', (error: Error) => note(counts, `stream: ${error.message}`))
    stream.on('close', () => {
      counts.requests += 1
      if (status !== 200 || body !== 'ok') note(counts, `${status} ${body}`)
      resolve()
    })
    stream.end()
  } catch (cause) {
    // The session went away between two batches: its own event has told why.
    note(counts, String(cause))
    resolve()
  }
  return promise
}

function note(counts: Counts, failure: string): void {
  if (counts.failures.length < 100) counts.failures.push(failure)
}
