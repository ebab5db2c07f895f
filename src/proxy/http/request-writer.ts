import { ConnectionOption, FieldId, type HeadWriter } from '../../wire/http1/index.ts'
import { type ForwardDecision, rewritePath } from '../route/index.ts'
import { connectUpgrade } from './connect.ts'
import { toFieldText, writeFields } from './edited-fields.ts'
import type { Exchange } from './exchange.ts'
import { writeForwardedFields, writeLastFields } from './forwarded-headers.ts'
import type { ReceivedRequest } from './received-request.ts'
import { acceptsTrailers } from './trailers.ts'
import { writeWebSocketKey } from './websocket-key.ts'

/** Writes the head that goes upstream: received lines with edits, framing anew. `first`: nothing was sent on this connection before. */
export function writeRequestHead(
  writer: HeadWriter,
  exchange: Exchange,
  decision: ForwardDecision,
  first: boolean,
): void {
  const { request } = exchange
  const { head } = request
  const { hostRewrite } = decision
  // An unchanged request line leaves in the same copy as the fields behind it.
  let from = head.start
  if (exchange.upgradeType === connectUpgrade && hostRewrite !== undefined) {
    // The host is what CONNECT asks for.
    writer.text(`CONNECT ${toFieldText(hostRewrite)} HTTP/1.1\r\n`)
    from = head.lineStart(0)
  } else if (decision.pathRewrite !== undefined || request.pathChanged || head.minorVersion === 0) {
    writer.text(`${request.method} ${targetOf(exchange, decision)} HTTP/1.1\r\n`)
    from = head.lineStart(0)
  }
  writeRequestFields(writer, exchange, decision, first, from)
}

/** Writes the fields of the head that goes upstream, and the blank line; `from` as for `writeFields`. */
export function writeRequestFields(
  writer: HeadWriter,
  exchange: Exchange,
  decision: ForwardDecision,
  first: boolean,
  from: number,
): void {
  const { request, plan, connection, context } = exchange
  const { head } = request
  const { hostRewrite } = decision
  const newHost = hostRewrite !== undefined || request.absolute || head.hostIndex < 0
  const dropped = newHost ? plan.dropRequestAndHost : plan.dropRequest
  writeFields(writer, head, dropped, from, decision.requestEdits, (head.connection & ConnectionOption.named) !== 0)
  if (decision.pathRewrite !== undefined) writer.field('x-envoy-original-path', pathWithQuery(request))
  if (newHost) writer.field('host', hostRewrite === undefined ? request.authority : toFieldText(hostRewrite))
  if (hostRewrite !== undefined && request.authority !== '') writer.field('x-envoy-original-host', request.authority)
  writeForwardedFields(writer, request, plan, connection.info, context.options.limits.appendedHeaderBytes)
  if (first && exchange.leg.endpoint?.meshed === true) writer.text(context.metadataLines)
  if (head.chunked) writer.text('transfer-encoding: chunked\r\n')
  else if (head.contentLength >= 0) writer.text(`content-length: ${head.contentLength}\r\n`)
  else if (request.method !== 'GET' && !exchange.leg.multiplexed && !bodilessMethods.has(request.method))
    writer.text('content-length: 0\r\n')
  if (head.indexOfId(FieldId.te) >= 0 && acceptsTrailers(head.header('te') ?? '')) writer.text('te: trailers\r\n')
  if (exchange.grpcWeb?.active === true) writer.text(exchange.grpcWeb.requestLines)
  if (exchange.grpc.active && exchange.grpc.timeout !== '') writer.field('grpc-timeout', exchange.grpc.timeout)
  if (exchange.upgradeType !== '' && exchange.upgradeType !== connectUpgrade) {
    writer.field('upgrade', head.value(head.indexOfId(FieldId.upgrade)))
    writer.text('connection: upgrade\r\n')
    writeWebSocketKey(writer, exchange)
  }
  writeLastFields(writer, request, plan, connection.info)
}

/** Requests of all other methods may be expected to have a body: without one they say so (RFC 9110 section 8.6). */
const bodilessMethods: ReadonlySet<string> = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'TRACE'])

/** The request target that goes upstream: as it was received, normalised, or as the route rewrites it. */
export function targetOf({ request }: Exchange, decision: ForwardDecision): string {
  if (decision.pathRewrite === undefined && !request.pathChanged) return request.target
  const rewritten = toTargetText(rewritePath(decision, request.path))
  // A replacement may bring a query of its own; the received one then follows it.
  const query = request.query === '' ? '' : `${rewritten.includes('?') ? '&' : '?'}${request.query}`
  return `${rewritten.startsWith('/') || rewritten === '*' ? '' : '/'}${rewritten}${query}`
}

function pathWithQuery({ path, query }: ReceivedRequest): string {
  return query === '' ? path : `${path}?${query}`
}

/** A configured replacement may hold what a request target must not. */
function toTargetText(path: string): string {
  return /[^\x21-\x7e]|#/.test(path) ? encodeURI(path).replaceAll('#', '%23') : path
}
