import { formatSpiffeId, parseSpiffeId } from '../src/identity/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const texts = [
  'spiffe://cluster.local/ns/default/sa/reviews',
  'spiffe://a-b_c.d/x',
  'spiffe://td/a/./b',
  `spiffe://td/${'a'.repeat(2036)}`,
  `spiffe://${'t'.repeat(255)}/x`,
]

/** The reader of SPIFFE ids. */
export const spiffeId: FuzzTarget = {
  name: 'spiffe-id',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    'spiffe://',
    'SPIFFE://',
    '/ns/',
    '/sa/',
    '..',
    '//',
    '@',
    ':443',
    '?',
    '#',
    '%2e',
    '\u0430',
    'cluster.local',
  ],
  run(input) {
    const text = input.toString('utf8')
    const result = parseSpiffeId(text)
    if (!result.ok) {
      expectThat(result.error.message !== '', 'a fault without words')
      expectThat(result.error.message.length < 1000, 'a fault that quotes all of its input')
      return result.error.message.slice(0, 40)
    }
    const { trustDomain, path } = result.value
    expectThat(formatSpiffeId(result.value) === text, 'an id that is written otherwise than it was read')
    expectThat(text.length <= 2048, `${text.length} bytes of id`)
    const url = new URL(text)
    expectThat(url.host === trustDomain && url.pathname === path, `a URL parser reads ${url.host} and ${url.pathname}`)
    expectThat(url.username + url.password + url.port + url.search + url.hash === '', 'parts that an id must not have')
    return `ok ${path.split('/').length} ${trustDomain.length}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(spiffeId)
