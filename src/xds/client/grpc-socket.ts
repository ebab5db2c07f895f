import { connect as connectPlain, isIP, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type ChannelCredentials, hostOf } from './channel-credentials.ts'

/** A server and how it is reached. */
export interface GrpcTarget {
  /** `host:port`, `[address]:port` or `unix:<path>`. */
  readonly address: string
  readonly credentials: ChannelCredentials
  /** Server name that TLS sends (SNI); the host of the address by default, `localhost` where that is an IP address or a path. */
  readonly serverName?: string | undefined
}

/**
 * Opens a connection for HTTP/2: plain, by prior knowledge, or TLS with ALPN. `onReady` is called once it may be used, and over TLS not before
 * the server's chain and name are verified and `h2` was chosen. A key or a certificate that does not parse makes the socket fail, too.
 */
export function openGrpcSocket(target: GrpcTarget, onReady: (failure: string | undefined) => void): Socket {
  try {
    const socket = connect(target, onReady)
    socket.setNoDelay(true)
    return socket
  } catch (cause) {
    return new Socket().destroy(cause instanceof Error ? cause : new Error(String(cause)))
  }
}

function connect(target: GrpcTarget, onReady: (failure: string | undefined) => void): Socket {
  const { address, credentials } = target
  const host = hostOf(address)
  const where = address.startsWith('unix:')
    ? { path: address.slice('unix:'.length) }
    : { host, port: Number(address.slice(address.lastIndexOf(':') + 1)) }
  if (credentials.kind === 'plaintext') return connectPlain(where, () => onReady(undefined))
  // An IP address is not allowed as a server name (RFC 6066 section 3).
  const isName = !address.startsWith('unix:') && isIP(host) === 0
  const { trustBundle, certificate, checkServer } = credentials
  const socket = connectTls(
    {
      ...where,
      ca: trustBundle,
      ...(certificate === undefined ? {} : { cert: certificate.certificateChain, key: certificate.privateKey }),
      servername: target.serverName ?? (isName ? host : 'localhost'),
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      checkServerIdentity: (_, peer) => checkServer(peer),
    },
    () => {
      // Said once more: nothing is sent to a server that is not plainly good.
      if (!socket.authorized) onReady('The server is not authorized')
      else onReady(socket.alpnProtocol === 'h2' ? undefined : 'The server does not speak HTTP/2 (ALPN h2)')
    },
  )
  return socket
}
