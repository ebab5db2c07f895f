import type { HeadWriter } from '../../wire/http1/index.ts'
import { type DownstreamInfo, withoutPort } from '../network/index.ts'
import { type HeadPlan, ProxyField } from './fields.ts'
import type { ReceivedRequest } from './received-request.ts'

/** Writes who the request came from and by whom it was vouched for: `x-forwarded-for` and client certificate. */
export function writeForwardedFields(
  writer: HeadWriter,
  request: ReceivedRequest,
  plan: HeadPlan,
  info: DownstreamInfo,
  bound: number,
): void {
  const { manager } = plan
  const rewritten = manager.useRemoteAddress
  if (rewritten) {
    const before = request.header('x-forwarded-for')
    const address = withoutPort(info.remoteAddress)
    writer.field('x-forwarded-for', before === undefined || before.length > bound ? address : `${before},${address}`)
  }
  if (manager.forwardClientCert !== 'sanitize' && manager.forwardClientCert !== 'always-forward-only') {
    writeClientCert(writer, request, plan, info, bound)
  }
}

/** Writes `x-forwarded-proto`, the request id and the blank line: in one piece, for they are in nearly every request. */
export function writeLastFields(
  writer: HeadWriter,
  request: ReceivedRequest,
  plan: HeadPlan,
  info: DownstreamInfo,
): void {
  const { manager } = plan
  const { head } = request
  const rewritten = manager.useRemoteAddress
  const proto = rewritten || head.indexOfId(ProxyField.forwardedProto) < 0
  const id = manager.generateRequestId && (rewritten || head.indexOfId(ProxyField.requestId) < 0)
  const protoLine = proto ? (info.tls ? 'x-forwarded-proto: https\r\n' : 'x-forwarded-proto: http\r\n') : ''
  if (id && request.generatedId === '') request.generatedId = crypto.randomUUID()
  writer.text(id ? `${protoLine}x-request-id: ${request.generatedId}\r\n\r\n` : `${protoLine}\r\n`)
}

/** `x-forwarded-client-cert` by `forward_client_cert_details`; only a peer with a verified certificate has one. */
function writeClientCert(
  writer: HeadWriter,
  request: ReceivedRequest,
  plan: HeadPlan,
  info: DownstreamInfo,
  bound: number,
): void {
  if (info.peerSpiffeId === '') return
  const mode = plan.manager.forwardClientCert
  const received = request.header('x-forwarded-client-cert')
  const before = received === undefined || received.length > bound ? '' : received
  const own = `By=${quoted(info.localSpiffeId)};URI=${quoted(info.peerSpiffeId)}`
  if (mode === 'sanitize-set') writer.field('x-forwarded-client-cert', own)
  else if (mode === 'append-forward') writer.field('x-forwarded-client-cert', before === '' ? own : `${before},${own}`)
  else if (before !== '') writer.field('x-forwarded-client-cert', before)
}

/** A SPIFFE id holds none of these when it was verified; the quotes are for one that does all the same. */
function quoted(value: string): string {
  const safe = value.replaceAll(/[^\x21-\x7e]/g, '')
  return /[,;="\\]/.test(safe) ? `"${safe.replaceAll(/["\\]/g, '\\$&')}"` : safe
}
