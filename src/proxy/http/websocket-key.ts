import { createHash, randomBytes } from 'node:crypto'

import type { HeadWriter } from '../../wire/http1/index.ts'
import type { Exchange } from './exchange.ts'

/** RFC 6455 section 1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * WebSocket over HTTP/2 has no key (RFC 8441 section 5.1), and over HTTP/1.1 it must have one: a server that speaks HTTP/1.1 gets a key made here if
 * the client sent none.
 */
export function writeWebSocketKey(writer: HeadWriter, { request, stream, upgradeType }: Exchange): void {
  if (upgradeType !== 'websocket' || stream.protocol !== 'HTTP/2' || request.header('sec-websocket-key') !== undefined)
    return
  writer.field('sec-websocket-key', randomBytes(16).toString('base64'))
}

/** The other way round: a client that speaks HTTP/1.1 gets the answer to its key if the upstream, asked over HTTP/2, gave none. */
export function writeWebSocketAccept(writer: HeadWriter, exchange: Exchange, answered: boolean): void {
  const key = exchange.request.header('sec-websocket-key')
  if (exchange.upgradeType !== 'websocket' || answered || key === undefined) return
  writer.field('sec-websocket-accept', createHash('sha1').update(`${key}${acceptSuffix}`).digest('base64'))
}
