import { afterAll, expect, test } from 'bun:test'

import { accessLogFormat } from './access-log-format.ts'
import { bootstrap } from './bootstrap.ts'
import { chunkedDecoder } from './chunked-decoder.ts'
import { clientHello } from './client-hello.ts'
import { dnsMessage } from './dns-message.ts'
import { expectThat, fuzz, type FuzzTarget } from './fuzz-target.ts'
import { grpcWeb } from './grpc-web.ts'
import { http1Head } from './http1-head.ts'
import { http2Hpack } from './http2-hpack.ts'
import { http2Session } from './http2-session.ts'
import { proxyHeader } from './proxy-header.ts'
import { spiffeId } from './spiffe-id.ts'
import { xdsResource } from './xds-resource.ts'
import { yamlResources } from './yaml-resources.ts'

const targets: readonly (readonly [FuzzTarget, number])[] = [
  [accessLogFormat, 5000],
  [bootstrap, 1000],
  [chunkedDecoder, 3000],
  [clientHello, 10_000],
  [dnsMessage, 2000],
  [grpcWeb, 5000],
  [http1Head, 20_000],
  [http2Hpack, 10_000],
  [http2Session, 2000],
  [proxyHeader, 20_000],
  [spiffeId, 10_000],
  [xdsResource, 10_000],
  [yamlResources, 800],
]

afterAll(() => {
  for (const [target] of targets) target.close?.()
})

test.each(targets.map(([target, executions]) => [target.name, target, executions] as const))(
  '%s holds for every input of a fixed seed',
  async (_, target, executions) => {
    expect(await fuzz(target, { executions, seed: 20 })).toBe(executions)
  },
)

test('fuzz() finds a fault that only mutation reaches, and says how to see it again', async () => {
  const brittle: FuzzTarget = {
    name: 'brittle',
    seeds: [Buffer.from('abc')],
    dictionary: ['xyz'],
    run(input) {
      expectThat(!input.includes('xyz'), 'xyz came')
      return ''
    },
  }
  await expect(fuzz(brittle, { executions: 1000, seed: 1 })).rejects.toThrow(
    /^brittle: xyz came\n.*\n.*bun fuzz\/brittle\.ts --input /,
  )
})
