import { connect } from 'node:net'

import { scanProxyHeader } from '../../../src/wire/proxy-protocol/index.ts'
import type { TcpCase } from './cases.ts'
import type { SpeakingUpstream } from './speaking-upstream.ts'

/** What became of a connection. */
export interface TcpOutcome {
  /** Name of the upstream that spoke; `closed` when the connection was closed without one, `silent` when neither happened. */
  readonly served: string
  /** What the upstream was sent, until the client ended; a PROXY protocol header in words. */
  readonly received: string
}

const limitMs = 4000

/** Runs one case; nothing else may use the upstreams at the time. */
export async function runCase(
  { parts }: TcpCase,
  port: number,
  upstreams: readonly SpeakingUpstream[],
): Promise<TcpOutcome> {
  const before = upstreams.reduce((sum, { connections }) => sum + connections, 0)
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  let said = ''
  const spoken = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const timer = setTimeout(() => socket.destroy(), limitMs)
  let late = true
  socket.on('data', (bytes) => {
    said += bytes.toString('latin1')
    if (said.includes('\n')) spoken.resolve()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    spoken.resolve()
    closed.resolve()
  })
  await new Promise<void>((connected) => socket.once('connect', () => connected()))
  const clientPort = socket.localPort ?? 0
  for (const part of parts) {
    if (socket.destroyed) break
    // Each in a segment of its own: that is what the case is about.
    await new Promise<void>((written) => socket.write(part, () => written()))
  }
  await spoken.promise
  const closedEarly = socket.destroyed
  socket.end()
  await closed.promise
  late = performance.now() > 0 && !closedEarly && said === ''
  clearTimeout(timer)
  if (said === '') return { served: late ? 'silent' : 'closed', received: '' }
  const name = said.slice(0, said.indexOf('\n'))
  const upstream = upstreams.find((candidate) => candidate.name === name)
  const connections = upstreams.reduce((sum, one) => sum + one.connections, 0) - before
  if (upstream === undefined || connections !== 1)
    return { served: `${name} and ${connections - 1} others`, received: '' }
  return { served: name, received: inWords(upstream.received, clientPort, port) }
}

/** Ports that differ from run to run get a name. */
function inWords(received: string, clientPort: number, listenerPort: number): string {
  const bytes = new Uint8Array(Buffer.from(received, 'latin1'))
  const scan = scanProxyHeader(bytes, 65_535)
  if (scan.kind !== 'header') return received
  const { version, length, ends } = scan.header
  const port = (value: number): string =>
    value === clientPort ? 'CLIENT' : value === listenerPort ? 'LISTENER' : String(value)
  const text =
    ends === undefined
      ? 'nobody'
      : `${ends.source.address} ${port(ends.source.port)} to ${ends.destination.address} ${port(ends.destination.port)}`
  return `[version ${version}: ${text}]${received.slice(length)}`
}
