import { afterAll, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { accessLogFormat } from './access-log-format.ts'
import { adminRequest } from './admin-request.ts'
import { adsStream } from './ads-stream.ts'
import { bootstrap } from './bootstrap.ts'
import { chunkedDecoder } from './chunked-decoder.ts'
import { clientHello } from './client-hello.ts'
import { readCorpus } from './corpus.ts'
import { forEachCut } from './cuts.ts'
import { dnsMessage } from './dns-message.ts'
import { expectThat, fuzz, type FuzzTarget } from './fuzz-target.ts'
import { grpcMessage } from './grpc-message.ts'
import { handoverMessage } from './handover-message.ts'
import { http1Head } from './http1-head.ts'
import { http2Hpack } from './http2-hpack.ts'
import { http2Message } from './http2-message.ts'
import { http2Session } from './http2-session.ts'
import { listTargets } from './list-targets.ts'
import { minimise } from './minimise.ts'
import { SeededRandom } from './mutate.ts'
import { proxyHeader } from './proxy-header.ts'
import { regularExpression } from './regular-expression.ts'
import { requestHeaders } from './request-headers.ts'
import { requestPath } from './request-path.ts'
import { signingRequest } from './signing-request.ts'
import { smallTexts } from './small-texts.ts'
import { spiffeId } from './spiffe-id.ts'
import { xdsResource } from './xds-resource.ts'
import { yamlResources } from './yaml-resources.ts'

const targets: readonly (readonly [FuzzTarget, number])[] = [
  [accessLogFormat, 5000],
  [adminRequest, 3000],
  [adsStream, 300],
  [bootstrap, 1000],
  [chunkedDecoder, 3000],
  [clientHello, 5000],
  [dnsMessage, 1000],
  [grpcMessage, 5000],
  [handoverMessage, 500],
  [http1Head, 5000],
  [http2Hpack, 5000],
  [http2Message, 2000],
  [http2Session, 400],
  [proxyHeader, 5000],
  [regularExpression, 2000],
  [requestHeaders, 2000],
  [requestPath, 5000],
  [signingRequest, 1000],
  [smallTexts, 2000],
  [spiffeId, 5000],
  [xdsResource, 5000],
  [yamlResources, 500],
]

afterAll(() => {
  for (const [target] of targets) target.close?.()
})

test.each(targets.map(([target, executions]) => [target.name, target, executions] as const))(
  '%s holds for every kept input and every input of a fixed seed',
  async (name, target, executions) => {
    const corpus = readCorpus(name).map(({ bytes }) => bytes)
    const all = target.seeds.length + corpus.length + executions
    expect((await fuzz(target, { executions: all, seed: 20, corpus })).executions).toBe(all)
  },
)

test('every target is tried here, and the corpus stays small', () => {
  expect(targets.map(([{ name }]) => name).toSorted()).toEqual([...listTargets()])
  const kept = targets.flatMap(([{ name }]) => readCorpus(name))
  expect(kept.length).toBeLessThanOrEqual(200)
  expect(kept.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(200 * 1024)
  expect(readdirSync(join(import.meta.dir, 'corpus')).toSorted()).toEqual([...listTargets()])
})

test('minimise() leaves only what matters', async () => {
  const input = Buffer.from(`${'a'.repeat(500)}x${'b'.repeat(300)}yz`)
  const least = await minimise(input, async (shorter) => shorter.includes('x') && shorter.includes('y'))
  expect(least.toString()).toBe('xy')
})

test('forEachCut() cuts a kept input at each octet', () => {
  const ways: string[] = []
  forEachCut(4, new SeededRandom(1), true, (nextLength) => {
    const pieces: number[] = []
    for (let at = 0; at < 4;) {
      const length = Math.min(4 - at, nextLength())
      pieces.push(length)
      at += length
    }
    ways.push(pieces.join('+'))
  })
  expect(ways).toEqual(expect.arrayContaining(['1+1+1+1', '1+3', '2+2', '3+1']))
})

test('fuzz() takes an input that needs too much CPU time for a finding', async () => {
  const slow: FuzzTarget = {
    name: 'slow',
    seeds: [Buffer.from('slow')],
    dictionary: [],
    run() {
      const start = process.cpuUsage()
      for (let used = start.user; used < start.user + 150_000;) used = process.cpuUsage().user
      return ''
    },
  }
  await expect(fuzz(slow, { executions: 1, seed: 1, maxCpuMs: 100 })).rejects.toThrow(/^slow: \d+ ms of CPU time/)
})

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
