import { createHash } from 'node:crypto'

import { decodeResource } from '../src/proxy/config/index.ts'
import { TypeUrl, type XdsResource, type XdsType } from '../src/xds/index.ts'
import {
  testCluster,
  testEndpoints,
  testHttpProxyListener,
  testInlineRoutes,
  testOnDemandRoutes,
  testVirtualHost,
} from '../test/harness/xds-resources.ts'
import { decodeLastGood, encodeLastGood } from '../src/proxy/live/last-good-file.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const types: readonly XdsType[] = Object.values(TypeUrl)

/** An input is the number of the type, then the value of the resource. */
function toInput({ typeUrl, bytes }: XdsResource): Buffer {
  return Buffer.concat([Buffer.from([types.findIndex((type) => type === typeUrl)]), bytes])
}

const resources = [
  testCluster('c', { circuit_breakers: { thresholds: [{ max_connections: 3 }] }, lb_policy: 'LEAST_REQUEST' }),
  testCluster('s', { type: 'STRICT_DNS', eds_cluster_config: null, load_assignment: { cluster_name: 's' } }),
  testEndpoints('c', [80, 81]),
  testHttpProxyListener(8080),
  testOnDemandRoutes(),
  testInlineRoutes('a:80', 'c'),
  testVirtualHost('a:80', 'c', {
    routes: [
      {
        match: {
          safe_regex: { regex: '/a.*' },
          headers: [{ name: 'x', string_match: { exact: 'y' } }],
          query_parameters: [{ name: 'q', present_match: true }],
        },
        route: {
          weighted_clusters: {
            clusters: [
              { name: 'c', weight: 1 },
              { name: 'd', weight: 99 },
            ],
          },
          timeout: '1s',
          prefix_rewrite: '/b',
          retry_policy: { retry_on: '5xx', num_retries: 2, per_try_timeout: '0.2s' },
        },
        request_headers_to_add: [{ header: { key: 'a', value: 'b' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
        response_headers_to_remove: ['server'],
      },
      { match: { path: '/r' }, redirect: { host_redirect: 'b', response_code: 'FOUND' } },
      { match: { prefix: '/' }, direct_response: { status: 503, body: { inline_string: 'no' } } },
    ],
  }),
]

const magic = encodeLastGood([]).subarray(0, 16)

/** A file of last good resources with this body: whatever stands in it, it is refused or written again as it was read. */
function tryLastGood(body: Buffer): string {
  const digest = createHash('sha256').update(body).digest()
  const read = decodeLastGood(Buffer.concat([magic, digest, body]))
  if (!read.ok) {
    expectThat(read.error.startsWith('unreadable'), read.error)
    return 'unreadable'
  }
  const again = decodeLastGood(encodeLastGood(read.value))
  expectThat(again.ok && Bun.deepEquals(again.value, read.value), 'resources that are written otherwise')
  return String(read.value.length)
}

/** The decoder of resources from a control plane. */
export const xdsResource: FuzzTarget = {
  name: 'xds-resource',
  seeds: [...resources.map(toInput), encodeLastGood(resources).subarray(48)],
  dictionary: [
    '(a+)+',
    '\u0000',
    '*',
    '127.0.0.1',
    '::1',
    '..',
    '/',
    'type.googleapis.com/',
    'x-envoy-',
    ':path',
    'content-length',
    '\xff',
  ],
  run(input) {
    const typeUrl = types[(input[0] ?? 0) % types.length] ?? TypeUrl.cluster
    const readTlsFile = (): string => {
      throw new Error('no such file')
    }
    const result = decodeResource(typeUrl, input.subarray(1), { readTlsFile })
    const kept = tryLastGood(input)
    if (result.ok) {
      expectThat(typeof result.value.kind === 'string', 'a resource of no kind')
      return `${typeUrl} ok ${kept} ${input.length >> 3}`
    }
    expectThat(result.error.length > 0, 'refused without a fault')
    expectThat(result.error.length <= input.length + 8, `${result.error.length} faults in ${input.length} bytes`)
    for (const { message } of result.error) expectThat(message !== '', 'a fault without words')
    return `${typeUrl} ${kept} ${result.error
      .map(({ path }) => path)
      .join()
      .slice(0, 200)}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(xdsResource)
