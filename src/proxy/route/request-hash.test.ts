import { describe, expect, test } from 'bun:test'
import { type HashPolicy, hashRequest, hashText, type PlainRequest, toRequestView } from './index.ts'

function hash(policies: readonly HashPolicy[], request: Partial<PlainRequest> = {}, address = ''): bigint | undefined {
  return hashRequest(policies, {
    request: toRequestView({ authority: 'h', path: '/', ...request }),
    sourceAddress: () => address,
    createCookie: ({ name }) => `made-${name}`,
  })
}

const header: HashPolicy = { kind: 'header', name: 'x-user', terminal: false }
const cookie: HashPolicy = { kind: 'cookie', name: 'sid', path: '', ttlSeconds: 60, terminal: false }
const address: HashPolicy = { kind: 'source-ip', terminal: false }
const query: HashPolicy = { kind: 'query', name: 'user', terminal: false }

describe('hashRequest()', () => {
  test.each<[string, HashPolicy, Partial<PlainRequest>, string, string | undefined]>([
    ['a header', header, { headers: { 'X-User': 'ann' } }, '', 'ann'],
    ['no header', header, {}, '', undefined],
    ['a cookie', cookie, { headers: { Cookie: 'a=1; sid=xyz; sid=2' } }, '', 'xyz'],
    ['a quoted cookie', cookie, { headers: { Cookie: 'sid="x y"' } }, '', 'x y'],
    ['no cookie: one is made', cookie, { headers: { Cookie: 'xsid=1' } }, '', 'made-sid'],
    ['an empty cookie: one is made', cookie, { headers: { Cookie: 'sid=' } }, '', 'made-sid'],
    ['no cookie and none to be made', { ...cookie, ttlSeconds: undefined }, {}, '', undefined],
    ['an address', address, {}, '10.1.2.3', '10.1.2.3'],
    ['no address', address, {}, '', undefined],
    ['a query parameter, not decoded', query, { path: '/a?b=1&user=a%20b&user=c' }, '', 'a%20b'],
    ['an empty query parameter', query, { path: '/?user=' }, '', ''],
    ['no query parameter', query, { path: '/?users=1' }, '', undefined],
  ])('takes %s', (_title, policy, request, from, input) => {
    expect(hash([policy], request, from)).toBe(input === undefined ? undefined : hashText(input))
  })

  test('is xxHash64 with seed 0', () => {
    expect(hashText('')).toBe(0xef46_db37_51d8_e999n)
  })

  test('joins policies in order, and not beyond a terminal one that found its input', () => {
    const request = { headers: { 'x-user': 'ann' }, path: '/?user=ann' }
    const both = hash([header, query], request)
    expect(both).not.toBe(hash([header], request))
    expect(both).not.toBe(0n)
    expect(hash([header, address], request, 'ben')).not.toBe(hash([address, header], request, 'ben'))
    expect(hash([{ ...header, terminal: true }, query], request)).toBe(hashText('ann'))
    expect(hash([{ ...header, terminal: true }, query], { path: '/?user=ann' })).toBe(hashText('ann'))
  })
})
