import { isIP } from 'node:net'
import { z } from 'zod'

import { parseIp } from '../src/base/index.ts'
import { parsePrometheus } from '../src/cli/demo/parse-prometheus.ts'
import { parseDuration as parseOption } from '../src/cli/duration.ts'
import { mergePrometheus } from '../src/cli/proxy/merge-prometheus.ts'
import { createRouter } from '../src/control/http/router.ts'
import { explainRetryOn, parseRetryOn } from '../src/proxy/route/index.ts'
import { longestDurationMs, parseDuration } from '../src/resources/schema/duration.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

/** Durations of files and of options: one text means one time. */
function tryDuration(text: string): string {
  const inFile = parseDuration(text)
  const asOption = parseOption(text)
  const said = `${JSON.stringify(text)} is ${inFile} in a file, ${asOption} as an option`
  for (const value of [inFile, asOption]) {
    expectThat(value === undefined || (Number.isSafeInteger(value) && value >= 0), said)
  }
  expectThat(inFile === undefined || inFile <= longestDurationMs, said)
  expectThat(inFile === undefined || asOption === undefined || inFile === asOption, said)
  return `${inFile !== undefined} ${asOption !== undefined}`
}

/** An address is one for the system, too, which knows zones besides. */
function tryAddress(text: string): string {
  const address = parseIp(text)
  const family = text.includes('%') ? 0 : isIP(text)
  expectThat(
    (address?.family ?? 0) === family,
    `${JSON.stringify(text)} is of family ${address?.family}, expected ${family}`,
  )
  if (address === undefined) return '0'
  const bits = address.family === 4 ? 32n : 128n
  expectThat(address.value >= 0n && address.value < 1n << bits, `${address.value}`)
  if (address.family === 6) {
    const groups = Array.from({ length: 8 }, (_, index) =>
      ((address.value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
    )
    expectThat(parseIp(groups.join(':'))?.value === address.value, `${text} becomes ${groups.join(':')}`)
  }
  return String(address.family)
}

function tryRetryOn(text: string): string {
  const { on, unknown } = parseRetryOn(text)
  const again = parseRetryOn(explainRetryOn(on).join(','))
  expectThat(again.on === on && again.unknown.length === 0, `${text} becomes ${explainRetryOn(on).join()}`)
  expectThat(
    unknown.every((name) => text.includes(name)),
    `${unknown.join()} are not in ${text}`,
  )
  return `${on} ${unknown.length}`
}

/** A line as our processes write them. */
const metricLine = /^(#.*|[A-Za-z_:][\w:]*(\{[^{}]*\})? \S+)?$/

/** Metrics that are joined with nothing are the same metrics. */
function tryMetrics(text: string): string {
  const once = mergePrometheus([text])
  if (text.split('\n').every((line) => metricLine.test(line)))
    expectThat(mergePrometheus([once]) === once, 'metrics change when they are joined again')
  const samples = parsePrometheus(once)
  expectThat(samples.length <= text.split('\n').length, `${samples.length} samples`)
  return String(samples.length)
}

const router = createRouter(
  (['GET', 'DELETE'] as const).map((method) => ({
    method,
    path: '/v1/{kind}/{name}',
    summary: '',
    auth: 'none' as const,
    answer: z.unknown(),
    failures: {},
    handle: () => Promise.reject(new Error('not called')),
  })),
)

/** A name that is put into a path comes out of it. */
function tryRouter(text: string): string {
  const found = router('GET', text)
  const name = text.toWellFormed()
  const own = router('DELETE', `/v1/a/${encodeURIComponent(name)}`)
  if (name !== '')
    expectThat(own.kind === 'found' && own.params['name'] === name, `${JSON.stringify(name)} is not found`)
  return found.kind
}

const texts = [
  '1h30m',
  '1.5s',
  '200ms',
  '366m',
  '10.0.0.1',
  '2001:db8::1',
  '::ffff:1.2.3.4',
  '5xx,reset, connect-failure,retriable-4xx',
  '# HELP a_seconds b\n# TYPE a_seconds gauge\na_seconds{b="c d"} 1.5\na_seconds{b="e"} +Inf\n',
  '/v1/a/b%20c',
]

/** Texts of one line that users and peers write: durations, addresses, conditions, metrics, paths of the control plane. */
export const smallTexts: FuzzTarget = {
  name: 'small-texts',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    'h',
    'ms',
    'us',
    '.',
    '9999999999',
    '::',
    ':',
    '255',
    '256',
    '0',
    'ffff',
    '1.2.3.4',
    ',',
    '5xx',
    'gateway-error',
    '\n',
    '# TYPE ',
    ' gauge',
    '{',
    '}',
    '="',
    '\\"',
    ' 1',
    ' NaN',
    '+Inf',
    '/v1/',
    '%2F',
    '%',
    '%c3%a9',
  ],
  run(input) {
    const text = input.toString('utf8')
    return [tryDuration(text), tryAddress(text), tryRetryOn(text), tryMetrics(text), tryRouter(text)].join()
  },
}

if (import.meta.main) await fuzzFromCommandLine(smallTexts)
