import { describe, expect, test } from 'bun:test'

import { compileAccessLogFormat, compileJsonAccessLogFormat, defaultAccessLogFormat } from './access-log-format.ts'
import { type AccessLogRecord, ResponseFlag } from './access-log-record.ts'

function record(overrides: Partial<AccessLogRecord> = {}): AccessLogRecord {
  const headers = new Map([
    ['user-agent', 'curl/8'],
    ['x-request-id', 'abc'],
  ])
  return {
    startTime: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    method: 'GET',
    path: '/reviews/0?x=1',
    protocol: 'HTTP/1.1',
    authority: 'reviews:9080',
    status: 503,
    grpcStatus: -1,
    flags: ResponseFlag.UF,
    details: '',
    bytesReceived: 0,
    bytesSent: 91,
    durationMs: 12.4,
    upstreamServiceTimeMs: -1,
    upstreamHost: '127.0.0.1:4000',
    upstreamCluster: 'outbound|9080||reviews.default.svc.cluster.local',
    upstreamLocalAddress: '',
    downstreamLocalAddress: '127.0.0.1:1',
    downstreamRemoteAddress: '[2001:db8::1]:2',
    downstreamDirectRemoteAddress: '127.0.0.1:3',
    requestedServerName: '',
    routeName: 'default',
    upstreamTransportFailureReason: '',
    requestHeader: (name) => headers.get(name),
    responseHeader: () => undefined,
    peerSpiffeId: '',
    ...overrides,
  }
}

function render(format: string, of: AccessLogRecord = record()): string {
  const formatter = compileAccessLogFormat(format)
  return formatter.ok ? formatter.value(of) : `refused: ${formatter.error}`
}

describe('compileAccessLogFormat()', () => {
  test("prints Envoy's default line", () => {
    expect(render(defaultAccessLogFormat)).toBe(
      '[2026-01-02T03:04:05.006Z] "GET /reviews/0?x=1 HTTP/1.1" 503 UF 0 91 12 - "-" "curl/8" "abc" "reviews:9080" "127.0.0.1:4000"\n',
    )
  })

  test.each([
    ['%%', '%'],
    ['%REQ(USER-AGENT):4%', 'curl'],
    ['%REQ(X-ABSENT?USER-AGENT)%', 'curl/8'],
    ['%RESPONSE_CODE_DETAILS%', '-'],
    ['%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '[2001:db8::1]:2 2001:db8::1'],
    ['%DOWNSTREAM_REMOTE_PORT% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%', '2 127.0.0.1 1'],
    ['%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%', '127.0.0.1:3'],
    ['%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_DIRECT_REMOTE_PORT%', '127.0.0.1 3'],
    ['%UPSTREAM_CLUSTER%', 'outbound|9080||reviews.default.svc.cluster.local'],
  ])('renders %p', (format, expected) => {
    expect(render(format)).toBe(expected)
  })

  test.each([['%NO_SUCH%'], ['%REQ%'], ['%DURATION(x)%'], ['100%'], ['%START_TIME(%Y)%']])(
    'refuses %p by name',
    (format) => {
      expect(render(format)).toStartWith('refused: ')
    },
  )

  test('escapes control characters so that a value cannot start a line of its own', () => {
    expect(render('%REQ(:PATH)%', record({ path: '/a\n[forged]' }))).toBe('/a\\x0a[forged]')
    // CSI of one octet moves a terminal's cursor, and U+2028 ends a line for some readers.
    expect(render('%REQ(:PATH)%', record({ path: '/a\u009b2J\u0085\u2028' }))).toBe('/a\\x9b2J\\x85\\x2028')
  })
})

describe('compileJsonAccessLogFormat()', () => {
  test('renders one object a line, absent values as null', () => {
    const formatter = compileJsonAccessLogFormat(
      new Map([
        ['code', '%RESPONSE_CODE%'],
        ['server_name', '%REQUESTED_SERVER_NAME%'],
      ]),
    )
    expect(formatter.ok && formatter.value(record())).toBe('{"code":"503","server_name":null}\n')
  })
})

test.each([
  [0, 'OK 0'],
  [1, 'Canceled 1'],
  [14, 'Unavailable 14'],
  [-1, '- -'],
])('compileAccessLogFormat() prints the status of a call %d', (grpcStatus, expected) => {
  expect(render('%GRPC_STATUS% %GRPC_STATUS_NUMBER%', record({ grpcStatus }))).toBe(expected)
})
