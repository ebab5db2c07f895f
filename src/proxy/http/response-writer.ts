import { STATUS_CODES } from 'node:http'

import { ConnectionOption, type Head, type HeadWriter } from '../../wire/http1/index.ts'
import type { HeaderEdits } from '../route/index.ts'
import { connectUpgrade } from './connect.ts'
import { prepareEdits, writeFields } from './edited-fields.ts'
import type { Exchange } from './exchange.ts'
import { type HeadPlan, ProxyField } from './fields.ts'
import { writeWebSocketAccept } from './websocket-key.ts'

/** How a response body goes to the client. */
export type BodyDelivery = 'none' | 'length' | 'chunked' | 'until-close'

/** Writes the head of an upstream's response for the client: received lines with edits, framing anew. */
export function writeResponseHead(writer: HeadWriter, exchange: Exchange, head: Head, delivery: BodyDelivery): void {
  // A status line that is already canonical leaves in the same copy as the fields behind it.
  let from = 0
  if (head.minorVersion === 0 || head.targetEnd === 12) {
    writer.text(`HTTP/1.1 ${head.bytes.latin1Slice(9, head.targetEnd)}${head.targetEnd === 12 ? ' ' : ''}\r\n`)
    from = head.lineStart(0)
  }
  writeResponseFields(writer, exchange, head, delivery, from)
}

/** Writes the fields of that head, and the blank line; `from` as for `writeFields`. */
export function writeResponseFields(
  writer: HeadWriter,
  exchange: Exchange,
  head: Head,
  delivery: BodyDelivery,
  from: number,
): void {
  const { context, plan } = exchange
  const nominated = (head.connection & ConnectionOption.named) !== 0
  writeFields(writer, head, plan.dropResponse, from, exchange.responseEdits, nominated)
  if (delivery === 'chunked') writer.text('transfer-encoding: chunked\r\n')
  else if (head.contentLength >= 0 && head.status !== 204) writer.number('content-length: ', head.contentLength)
  // RFC 9110 section 6.6.1: who passes a response on without a date gives it one.
  if (head.indexOfId(ProxyField.date) < 0) writer.text(`date: ${context.date()}\r\n`)
  // Before the request is over there is no saying how long its answer took.
  if (exchange.bodyDone && exchange.upgradeType === '')
    writer.number('x-envoy-upstream-service-time: ', exchange.serviceTimeMs)
  if (exchange.cookieLines !== '') writer.text(exchange.cookieLines)
  writer.text(plan.serverLine)
  writer.text(connectionLine(exchange))
}

/** Writes the head of a `1xx` response. */
export function writeInterimHead(writer: HeadWriter, head: Head, plan: HeadPlan): void {
  writer.text('HTTP/1.1 ')
  writer.copy(head.bytes, head.targetStart, head.targetEnd)
  writer.text('\r\n')
  writer.fields(head, plan.dropResponse)
  writer.text('\r\n')
}

/** Writes the head of the response that opens a tunnel: 101, or a 2xx to CONNECT, which says nothing of a body (RFC 9110 section 9.3.6). */
export function writeTunnelHead(writer: HeadWriter, exchange: Exchange, head: Head): void {
  const connects = exchange.upgradeType === connectUpgrade
  writer.text(`HTTP/1.1 ${head.status} ${STATUS_CODES[head.status] ?? 'Unknown'}\r\n`)
  writeFields(writer, head, exchange.plan.dropResponse, head.lineStart(0), exchange.responseEdits, false)
  if (!connects) {
    writer.field('upgrade', head.upgradeIndex < 0 ? exchange.upgradeType : head.value(head.upgradeIndex))
    writer.text('connection: upgrade\r\n')
    writeWebSocketAccept(writer, exchange, head.header('sec-websocket-accept') !== undefined)
  }
  if (head.indexOfId(ProxyField.date) < 0) writer.field('date', exchange.context.date())
  writer.text(exchange.plan.serverLine)
  writer.text(`${exchange.cookieLines}\r\n`)
}

/** `connection` field, if the response needs one, and the blank line. */
function connectionLine(exchange: Exchange): string {
  if (!exchange.keepAlive) return 'connection: close\r\n\r\n'
  return exchange.request.head.minorVersion === 0 ? 'connection: keep-alive\r\n\r\n' : '\r\n'
}

/** An answer of the proxy's own. */
export interface LocalReply {
  readonly status: number
  readonly body: string | Uint8Array
  /** Complete field lines beyond the usual ones. */
  readonly lines: string
  readonly edits: HeaderEdits | undefined
}

/** Writes field lines without those that the edits replace or remove, then the edits' own. */
function writeEditedLines(writer: HeadWriter, lines: string, edits: HeaderEdits | undefined): void {
  if (edits === undefined) {
    writer.text(lines)
    return
  }
  const prepared = prepareEdits(edits)
  for (const line of lines.split(/(?<=\n)/)) {
    if (!prepared.names.includes(line.slice(0, line.indexOf(':')))) writer.text(line)
  }
  writer.text(prepared.lines)
}

/** Writes an answer of the proxy's own, head and body; returns where the body begins. */
export function writeLocalReply(writer: HeadWriter, exchange: Exchange, reply: LocalReply): number {
  const { status, body } = reply
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  writer.text(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`)
  const bodiless = status === 204 || status === 304
  // A stream of HTTP/2 says by itself that nothing follows.
  if (!bodiless && (length > 0 || exchange.stream.protocol !== 'HTTP/2')) writer.text(`content-length: ${length}\r\n`)
  const typed = bodiless || length === 0 || /^content-type:/m.test(reply.lines)
  writeEditedLines(writer, `${typed ? '' : 'content-type: text/plain\r\n'}${reply.lines}`, reply.edits)
  writer.field('date', exchange.context.date())
  writer.text(exchange.plan.serverLine)
  writer.text(connectionLine(exchange))
  const headEnd = writer.length
  if (bodiless || exchange.request.method === 'HEAD' || length === 0) return headEnd
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  writer.copy(bytes, 0, bytes.length)
  return headEnd
}
