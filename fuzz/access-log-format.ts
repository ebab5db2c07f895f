import {
  compileAccessLogFormat,
  compileJsonAccessLogFormat,
  defaultAccessLogFormat,
  emptyAccessLogRecord,
} from '../src/telemetry/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

/** What an attacker can put into a record. */
const hostile = 'a\r\nb\u001b[2J"\\\u0000%DURATION%'

const record = {
  ...emptyAccessLogRecord(),
  method: 'GET',
  path: `/${hostile}`,
  authority: hostile,
  requestedServerName: hostile,
  requestHeader: () => hostile,
  responseHeader: () => hostile,
}

/** Longest that one operator can print. */
const maxValue = 4 * hostile.length + 64

// oxlint-disable-next-line no-control-regex -- control characters are what is counted
const controls = /[\u0000-\u001f\u007f]/g

function count(text: string): number {
  return text.match(controls)?.length ?? 0
}

const texts = [
  defaultAccessLogFormat,
  '%START_TIME% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER% %ROUTE_NAME% 100%%\n',
  '%REQ(X-A?:PATH):5% %RESP(SERVER)% %REQUESTED_SERVER_NAME:3% %DOWNSTREAM_PEER_URI_SAN%',
]

/** The compiler of access-log formats, as text and as a JSON field. */
export const accessLogFormat: FuzzTarget = {
  name: 'access-log-format',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    '%',
    '%%',
    '%REQ(',
    ')%',
    ':PATH',
    '?',
    ':999999',
    ':0',
    '%RESP(A)%',
    '%PROTOCOL%',
    '%DURATION%',
    '%UPSTREAM_HOST%',
  ],
  run(input) {
    const format = input.toString('utf8')
    const compiled = compileAccessLogFormat(format)
    const json = compileJsonAccessLogFormat(new Map([['field "x"', format]]))
    expectThat(compiled.ok === json.ok, 'text and JSON disagree on a format')
    if (!compiled.ok || !json.ok) {
      const message = compiled.ok ? '' : compiled.error
      expectThat(message !== '' && message.length < format.length + 200, 'a fault without words or with too many')
      return message.slice(0, 24)
    }
    const text = compiled.value(record)
    expectThat(text.length <= format.length + (format.split('%').length / 2) * maxValue, `${text.length} characters`)
    expectThat(count(text) <= count(format), 'a value wrote a control character')
    const line = json.value(record)
    expectThat(line.indexOf('\n') === line.length - 1, 'a JSON record of two lines')
    const parsed: unknown = JSON.parse(line)
    expectThat(
      typeof parsed === 'object' && parsed !== null && 'field "x"' in parsed,
      'the field is not in the JSON record',
    )
    return `ok ${format.split('%').length} ${text.length >> 4}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(accessLogFormat)
