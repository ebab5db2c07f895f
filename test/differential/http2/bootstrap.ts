import type { JsonObject } from '@bufbuild/protobuf'

import { type BootstrapPorts, caseName, toBootstrap } from '../http/bootstrap.ts'
import type { HttpCase } from '../http/case.ts'
import type { Http2Case } from './case.ts'

/** What Weft does in any case: a message that breaks the rules costs its stream only. */
const streamErrors: JsonObject = { override_stream_error_on_invalid_http_message: true }

const http2Upstream: JsonObject = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: streamErrors },
    },
  },
}

/** A bootstrap in which listeners speak HTTP/2, and clusters the version of the case; all write to one access log. */
export function toHttp2Bootstrap(cases: readonly Http2Case[], ports: BootstrapPorts, log: string): JsonObject {
  return toBootstrap(
    cases.map((test, index) => toPlainCase(test, caseName(index), log)),
    ports,
  )
}

function toPlainCase(test: Http2Case, name: string, log: string): HttpCase {
  const { routes, manager = {}, cluster = {}, http2Options = {} } = test
  const format = `${name} %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n`
  return {
    name: test.name,
    steps: [],
    ...(routes === undefined ? {} : { routes }),
    cluster: { ...(test.http2 === undefined ? {} : http2Upstream), ...cluster },
    manager: {
      codec_type: 'HTTP2',
      stat_prefix: name,
      http2_protocol_options: { ...streamErrors, ...http2Options },
      access_log: [
        {
          name: 'envoy.access_loggers.file',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
            path: log,
            log_format: { text_format_source: { inline_string: format } },
          },
        },
      ],
      ...manager,
    },
  }
}
