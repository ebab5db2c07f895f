/**
 * The Bookinfo routes of the Istio project, unmodified, applied one after the other to a running demo mesh: the traffic
 * must do what each file says.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { type DemoMesh, startDemoMesh } from '../../src/cli/demo/index.ts'
import { type Answer, send, sendMany, shares } from '../harness/proxied-requests.ts'
import { runWeft, self } from '../harness/run-weft.ts'

const bookinfo = resolve(import.meta.dir, '../../../shared/corpora/istio/samples/bookinfo')
const tolerancePoints = 3
const requests = 2000

let folder = ''
let mesh: DemoMesh
let proxyPort = 0

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-corpora-'))
  const { signal } = new AbortController()
  mesh = await startDemoMesh({ dataDir: folder, self, env: process.env, rps: 0, onProgress: () => {}, signal })
  proxyPort = mesh.records.get('traffic-v1')?.httpProxyPort ?? 0
  await apply('platform/kube/bookinfo.yaml', 'networking/destination-rule-all.yaml')
}, 120_000)

afterAll(async () => {
  await mesh[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

async function apply(...files: readonly string[]): Promise<void> {
  for (const file of files) {
    const run = await runWeft([
      'apply',
      '--server',
      mesh.serverFile,
      '--wait',
      '--timeout',
      '30s',
      '-f',
      join(bookinfo, file),
    ])
    expect(`${run.stderr}${run.stdout}`).toContain('enforced on')
    expect(run.exitCode).toBe(0)
  }
}

async function remove(file: string): Promise<void> {
  const run = await runWeft(['delete', '--server', mesh.serverFile, '--wait', '-f', join(bookinfo, file)])
  expect(`${run.stderr}${run.stdout}`).toContain('enforced on')
  expect(run.exitCode).toBe(0)
}

const reviews = { url: 'http://reviews:9080/reviews/0' }
const ratings = { url: 'http://ratings:9080/ratings/0' }
const details = { url: 'http://details:9080/details/0' }
const jason = { 'end-user': 'jason' }

function versionOf(answer: Answer): string {
  if (answer.status !== 200) return `status ${answer.status}`
  const parsed: unknown = JSON.parse(answer.body)
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'no version'
}

/** Expects each version's share within three points, and nothing else. */
function expectShares(answers: readonly Answer[], expected: Readonly<Record<string, number>>): void {
  const measured = shares(answers, versionOf)
  expect([...measured.keys()].toSorted()).toEqual(Object.keys(expected).toSorted())
  for (const [version, share] of Object.entries(expected)) {
    expect(Math.abs((measured.get(version) ?? 0) - share)).toBeLessThanOrEqual(tolerancePoints)
  }
}

describe('reviews', () => {
  test.each([
    ['virtual-service-all-v1.yaml', { v1: 100 }, { v1: 100 }],
    ['virtual-service-reviews-v3.yaml', { v3: 100 }, { v3: 100 }],
    ['virtual-service-reviews-50-v3.yaml', { v1: 50, v3: 50 }, { v1: 50, v3: 50 }],
    ['virtual-service-reviews-80-20.yaml', { v1: 80, v2: 20 }, { v1: 80, v2: 20 }],
    ['virtual-service-reviews-90-10.yaml', { v1: 90, v2: 10 }, { v1: 90, v2: 10 }],
    ['virtual-service-reviews-v2-v3.yaml', { v2: 50, v3: 50 }, { v2: 50, v3: 50 }],
    ['virtual-service-reviews-test-v2.yaml', { v1: 100 }, { v2: 100 }],
    ['virtual-service-reviews-jason-v2-v3.yaml', { v3: 100 }, { v2: 100 }],
  ])(
    '%s sends the shares it says',
    async (file, others, forJason) => {
      await apply(`networking/${file}`)
      expectShares(await sendMany({ proxyPort, ...reviews }, requests), others)
      expectShares(await sendMany({ proxyPort, ...reviews, headers: jason }, requests), forJason)
      await remove(`networking/${file}`)
    },
    120_000,
  )

  test('destination-rule-reviews.yaml balances at random over all versions without a route', async () => {
    await apply('networking/destination-rule-reviews.yaml')
    expectShares(await sendMany({ proxyPort, ...reviews }, requests), { v1: 33.3, v2: 33.3, v3: 33.3 })
  }, 120_000)

  test('destination-rule-all-mtls.yaml serves every service with mutual TLS', async () => {
    await apply('networking/destination-rule-all-mtls.yaml')
    for (const target of [reviews, ratings, details]) expect((await send({ proxyPort, ...target })).status).toBe(200)
    await apply('networking/destination-rule-all.yaml')
  }, 120_000)
})

describe('faults', () => {
  test('virtual-service-ratings-test-delay.yaml delays jason by seven seconds and nobody else', async () => {
    await apply('networking/virtual-service-ratings-test-delay.yaml')
    const delayed = send({ proxyPort, ...ratings, headers: jason })
    const others = await sendMany({ proxyPort, ...ratings }, 200)
    // All others were answered while jason still waited.
    expect(await Promise.race([delayed.then(() => 'jason'), Promise.resolve('others')])).toBe('others')
    expect(others.every((answer) => answer.status === 200)).toBe(true)
    const answer = await delayed
    expect(answer.status).toBe(200)
    expect(answer.tookMs).toBeGreaterThanOrEqual(7000)
    await remove('networking/virtual-service-ratings-test-delay.yaml')
  }, 120_000)

  test('virtual-service-ratings-test-abort.yaml aborts jason with 500 and nobody else', async () => {
    await apply('networking/virtual-service-ratings-test-abort.yaml')
    const aborted = await sendMany({ proxyPort, ...ratings, headers: jason }, 200)
    expect(new Set(aborted.map((answer) => answer.status))).toEqual(new Set([500]))
    expect(aborted[0]?.body).toBe('fault filter abort')
    const others = await sendMany({ proxyPort, ...ratings, headers: { 'end-user': 'mary' } }, 200)
    expect(others.every((answer) => answer.status === 200)).toBe(true)
    await remove('networking/virtual-service-ratings-test-abort.yaml')
  }, 120_000)

  test('fault-injection-details-v1.yaml aborts every call of details with 555', async () => {
    await apply('networking/fault-injection-details-v1.yaml')
    const answers = await sendMany({ proxyPort, ...details }, 200)
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([555]))
    expect((await send({ proxyPort, ...reviews })).status).toBe(200)
    await remove('networking/fault-injection-details-v1.yaml')
    await apply('networking/destination-rule-all.yaml')
    expect((await send({ proxyPort, ...details })).status).toBe(200)
  }, 120_000)
})

describe('subsets without workloads', () => {
  test.each([
    ['virtual-service-details-v2.yaml', details],
    ['virtual-service-ratings-db.yaml', ratings],
    ['virtual-service-ratings-mysql.yaml', ratings],
    ['virtual-service-ratings-mysql-vm.yaml', ratings],
  ])(
    '%s answers 503 for want of a healthy upstream, and all is well when it is deleted',
    async (file, target) => {
      await apply(`networking/${file}`)
      const answer = await send({ proxyPort, ...target })
      expect({ status: answer.status, body: answer.body }).toEqual({ status: 503, body: 'no healthy upstream' })
      await remove(`networking/${file}`)
      expect((await send({ proxyPort, ...target })).status).toBe(200)
    },
    120_000,
  )
})
