/** Connections without an HTTP client, for what such a client would not do. */
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** What a peer sent until it ended or broke the connection. */
export interface RawAnswer {
  readonly text: string
  /** The code of the error that ended it, if one did. */
  readonly error: string
}

const timeoutMs = 10_000

interface RawSocket {
  readonly on: (event: string, listener: (argument: Buffer & { readonly code?: string }) => void) => unknown
  readonly setTimeout: (ms: number, listener: () => void) => unknown
  readonly destroy: () => unknown
}

function collect(socket: RawSocket): Promise<RawAnswer> {
  const { promise, resolve } = Promise.withResolvers<RawAnswer>()
  let text = ''
  let error = ''
  socket.on('data', (part) => {
    text += part.toString('latin1')
  })
  socket.on('error', (cause) => {
    error = cause.code ?? String(cause)
  })
  socket.on('close', () => resolve({ text, error }))
  socket.setTimeout(timeoutMs, () => {
    error = 'timeout'
    socket.destroy()
  })
  return promise
}

/** Sends text over TCP and then the end of its direction; reads until the peer ends too. */
export function exchangeTcp(port: number, parts: readonly string[]): Promise<RawAnswer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.on('connect', () => {
    for (const part of parts) socket.write(part)
    socket.end()
  })
  return collect(socket)
}

/** Sends text over TLS with a client certificate; the server's is not looked at. */
export function exchangeTls(
  port: number,
  text: string,
  identity: { readonly certificateChain: string; readonly privateKey: string },
): Promise<RawAnswer> {
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    cert: identity.certificateChain,
    key: identity.privateKey,
    ALPNProtocols: ['istio-http/1.1'],
    rejectUnauthorized: false,
  })
  socket.on('secureConnect', () => socket.write(text))
  return collect(socket)
}
