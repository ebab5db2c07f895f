import { grpcStatusNames } from '../wire/grpc/index.ts'
import { err, ok, type Result } from '../base/index.ts'
import type { AccessLogRecord } from './access-log-record.ts'
import { responseFlagsText } from './response-flags.ts'

/** Envoy's default access-log format (`envoy.config.accesslog`, "Default Format String"). */
export const defaultAccessLogFormat: string =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n'

/** Renders one record. */
export type AccessLogFormatter = (record: AccessLogRecord) => string

type Operator = (record: AccessLogRecord) => string

const orDash = (text: string): string => (text === '' ? '-' : text)

/** The address of `address:port`, an IPv6 one without its brackets. */
function hostOf(text: string): string {
  return orDash(text.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'))
}

function portOf(text: string): string {
  return /:(\d+)$/.exec(text)?.[1] ?? '-'
}

/** Operators without arguments; an empty value prints as `-`, as Envoy does. */
const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['START_TIME', (record) => new Date(record.startTime).toISOString()],
  ['PROTOCOL', (record) => orDash(record.protocol)],
  ['RESPONSE_CODE', (record) => String(record.status)],
  ['RESPONSE_CODE_DETAILS', (record) => orDash(record.details)],
  ['RESPONSE_FLAGS', (record) => responseFlagsText(record.flags)],
  ['GRPC_STATUS', (record) => grpcStatusNames[record.grpcStatus] ?? '-'],
  ['GRPC_STATUS_NUMBER', (record) => (record.grpcStatus < 0 ? '-' : String(record.grpcStatus))],
  ['BYTES_RECEIVED', (record) => String(record.bytesReceived)],
  ['BYTES_SENT', (record) => String(record.bytesSent)],
  ['DURATION', (record) => String(Math.round(record.durationMs))],
  ['UPSTREAM_HOST', (record) => orDash(record.upstreamHost)],
  ['UPSTREAM_CLUSTER', (record) => orDash(record.upstreamCluster)],
  ['UPSTREAM_LOCAL_ADDRESS', (record) => orDash(record.upstreamLocalAddress)],
  ['UPSTREAM_TRANSPORT_FAILURE_REASON', (record) => orDash(record.upstreamTransportFailureReason)],
  ['DOWNSTREAM_LOCAL_ADDRESS', (record) => orDash(record.downstreamLocalAddress)],
  ['DOWNSTREAM_REMOTE_ADDRESS', (record) => orDash(record.downstreamRemoteAddress)],
  ['DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', (record) => hostOf(record.downstreamRemoteAddress)],
  ['DOWNSTREAM_REMOTE_PORT', (record) => portOf(record.downstreamRemoteAddress)],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS', (record) => orDash(record.downstreamDirectRemoteAddress)],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT', (record) => hostOf(record.downstreamDirectRemoteAddress)],
  ['DOWNSTREAM_DIRECT_REMOTE_PORT', (record) => portOf(record.downstreamDirectRemoteAddress)],
  ['DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', (record) => hostOf(record.downstreamLocalAddress)],
  ['DOWNSTREAM_LOCAL_PORT', (record) => portOf(record.downstreamLocalAddress)],
  ['DOWNSTREAM_PEER_URI_SAN', (record) => orDash(record.peerSpiffeId)],
  ['REQUESTED_SERVER_NAME', (record) => orDash(record.requestedServerName)],
  ['ROUTE_NAME', (record) => orDash(record.routeName)],
])

/**
 * Compiles an Envoy format string.
 *
 * @returns The formatter, or what is wrong: an operator that is not implemented is refused by name, never printed as text.
 */
export function compileAccessLogFormat(format: string): Result<AccessLogFormatter, string> {
  const parts: (string | Operator)[] = []
  let at = 0
  while (at < format.length) {
    const open = format.indexOf('%', at)
    if (open < 0) {
      parts.push(format.slice(at))
      break
    }
    if (open > at) parts.push(format.slice(at, open))
    if (format[open + 1] === '%') {
      parts.push('%')
      at = open + 2
      continue
    }
    const command = /^%([A-Z_]+)(?:\(([^)]*)\))?(?::(\d{1,6}))?%/.exec(format.slice(open))
    if (command === null)
      return err(`Expected %OPERATOR% at offset ${open}, got ${JSON.stringify(format.slice(open, open + 24))}`)
    const operator = toOperator(command[1] ?? '', command[2])
    if (!operator.ok) return operator
    const limit = command[3]
    parts.push(limit === undefined ? operator.value : truncated(operator.value, Number(limit)))
    at = open + command[0].length
  }
  return ok((record) => {
    let text = ''
    for (const part of parts) text += typeof part === 'string' ? part : printable(part(record))
    return text
  })
}

function truncated(operator: Operator, limit: number): Operator {
  return (record) => operator(record).slice(0, limit)
}

function toOperator(name: string, argument: string | undefined): Result<Operator, string> {
  if (name === 'REQ' || name === 'RESP') {
    if (argument === undefined || argument === '') return err(`Expected a header name in %${name}(...)%`)
    const [first = '', second] = argument.toLowerCase().split('?')
    const read = name === 'REQ' ? requestValue : responseValue
    return ok((record) => read(record, first) ?? (second === undefined ? undefined : read(record, second)) ?? '-')
  }
  const operator = operators.get(name)
  if (operator === undefined || argument !== undefined) {
    return err(`Access-log operator %${name}${argument === undefined ? '' : `(${argument})`}% is not implemented`)
  }
  return ok(operator)
}

function requestValue(record: AccessLogRecord, name: string): string | undefined {
  switch (name) {
    case ':method':
      return record.method === '' ? undefined : record.method
    case ':path':
      return record.path === '' ? undefined : record.path
    case ':authority':
      return record.authority === '' ? undefined : record.authority
    default:
      return record.requestHeader(name)
  }
}

function responseValue(record: AccessLogRecord, name: string): string | undefined {
  if (name === 'x-envoy-upstream-service-time') {
    return record.upstreamServiceTimeMs < 0 ? undefined : String(Math.round(record.upstreamServiceTimeMs))
  }
  return record.responseHeader(name)
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const controlCharacter = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

// oxlint-disable-next-line no-control-regex -- the same, all of them
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

/** A value must not be able to start a new log line or to move a terminal's cursor. */
function printable(text: string): string {
  if (!controlCharacter.test(text)) return text
  return text.replace(controlCharacters, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** A JSON format: one object a line, values rendered by the same operators, fields in the order given. */
export function compileJsonAccessLogFormat(fields: ReadonlyMap<string, string>): Result<AccessLogFormatter, string> {
  const compiled: [string, AccessLogFormatter][] = []
  for (const [name, format] of fields) {
    const formatter = compileAccessLogFormat(format)
    if (!formatter.ok) return err(`Field ${name}: ${formatter.error}`)
    compiled.push([JSON.stringify(name), formatter.value])
  }
  return ok(
    (record) => `{${compiled.map(([name, formatter]) => `${name}:${jsonValue(formatter(record))}`).join(',')}}\n`,
  )
}

function jsonValue(text: string): string {
  return text === '-' ? 'null' : JSON.stringify(text)
}
