import { describe, expect, test } from 'bun:test'

import { compileRegularExpression, type HeaderMatch, type StringMatch, toRequestView } from '../../route/index.ts'
import type { RbacDefinition, RbacRule, RbacSubject } from './contract.ts'
import { createRbacEngine } from './rbac-engine.ts'

interface Asked {
  readonly path?: string
  readonly authority?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly peer?: string
  readonly tls?: boolean
  readonly from?: string
  readonly to?: string
  readonly serverName?: string
  readonly connectionOnly?: true
}

function subject(asked: Asked): RbacSubject {
  const { path = '/', authority = 'app.test', headers = [], peer = '', from = '10.0.0.7:4711' } = asked
  const view = toRequestView({ authority, path, headers })
  const joined = (name: string): string | undefined =>
    name === 'host' || name === ':authority' ? authority : view.header(name)
  return {
    connection: {
      remoteAddress: from,
      destinationAddress: asked.to ?? '10.0.0.1',
      destinationPort: 8080,
      tls: asked.tls ?? peer !== '',
      peerSpiffeId: peer,
      serverName: asked.serverName ?? '',
    },
    remoteAddress: '9.9.9.9',
    request:
      asked.connectionOnly === true
        ? undefined
        : {
            method: view.method,
            authority,
            path: view.path,
            query: view.query,
            scheme: 'http',
            header: joined,
            values: (name) => headers.filter(([other]) => other === name).map(([, value]) => value),
          },
  }
}

function text(kind: 'exact' | 'prefix' | 'suffix' | 'contains', value: string, ignoreCase = false): StringMatch {
  return { kind, value, ignoreCase }
}

function regex(pattern: string): StringMatch {
  const compiled = compileRegularExpression(pattern)
  if (!compiled.ok) throw new Error(compiled.error)
  return { kind: 'regex', regex: compiled.value }
}

function header(name: string, match: StringMatch, more: Partial<HeaderMatch> = {}): RbacRule {
  return {
    kind: 'header',
    match: { name, condition: { kind: 'string', match }, invert: false, missingIsEmpty: false, ...more },
  }
}

const any: RbacRule = { kind: 'any' }

function definition(action: 'allow' | 'deny', rule: RbacRule, principal: RbacRule = any): RbacDefinition {
  return { action, policies: [{ name: 'p', permissions: [rule], principals: [principal] }] }
}

/** Allowed with the rule as ALLOW, and with the rule as DENY. */
function verdicts(rule: RbacRule, asked: Asked): string {
  const one = (action: 'allow' | 'deny'): string =>
    createRbacEngine(definition(action, rule)).decide(subject(asked)).allowed ? 'yes' : 'no'
  return `${one('allow')}/${one('deny')}`
}

const matched = 'yes/no'
const unmatched = 'no/yes'
/** What can be read in two ways is let through by neither. */
const refused = 'no/no'

describe('decide()', () => {
  test('allows what a policy of ALLOW matches, and names the policy of DENY', () => {
    const path: RbacRule = { kind: 'path', match: text('prefix', '/admin') }
    const engine = createRbacEngine({
      action: 'deny',
      policies: [
        { name: 'other', permissions: [{ kind: 'path', match: text('exact', '/x') }], principals: [any] },
        { name: 'no admin here', permissions: [path], principals: [any] },
      ],
    })
    expect(engine.decide(subject({ path: '/admin/x' }))).toEqual({
      allowed: false,
      policy: 'no admin here',
      details: 'rbac_access_denied_matched_policy[no_admin_here]',
    })
    expect(engine.decide(subject({ path: '/public' })).allowed).toBe(true)
    expect(createRbacEngine({ action: 'allow', policies: [] }).decide(subject({}))).toEqual({
      allowed: false,
      policy: '',
      details: 'rbac_access_denied_matched_policy[none]',
    })
  })

  test('needs one permission and one principal', () => {
    const engine = createRbacEngine({
      action: 'allow',
      policies: [
        {
          name: 'p',
          permissions: [
            { kind: 'path', match: text('exact', '/a') },
            { kind: 'path', match: text('exact', '/b') },
          ],
          principals: [{ kind: 'principal', match: text('exact', 'spiffe://td/ns/n/sa/s') }],
        },
      ],
    })
    const ask = (path: string, peer: string): boolean => engine.decide(subject({ path, peer })).allowed
    expect(ask('/b', 'spiffe://td/ns/n/sa/s')).toBe(true)
    expect(ask('/b', 'spiffe://td/ns/n/sa/other')).toBe(false)
    expect(ask('/c', 'spiffe://td/ns/n/sa/s')).toBe(false)
  })

  test('denies when a rule throws, whatever the action', () => {
    const broken: RbacSubject = {
      ...subject({}),
      get connection(): never {
        throw new Error('broken')
      },
    }
    for (const action of ['allow', 'deny'] as const) {
      const engine = createRbacEngine(definition(action, { kind: 'destination-port', start: 1, end: 2 }))
      expect(engine.decide(broken).allowed).toBe(false)
    }
  })

  test.each<[string, RbacRule, Asked, string]>([
    ['and, all', { kind: 'all', rules: [any, { kind: 'path', match: text('exact', '/') }] }, {}, matched],
    ['and, one fails', { kind: 'all', rules: [any, { kind: 'path', match: text('exact', '/x') }] }, {}, unmatched],
    ['or', { kind: 'one-of', rules: [{ kind: 'path', match: text('exact', '/x') }, any] }, {}, matched],
    ['or of nothing', { kind: 'one-of', rules: [] }, {}, unmatched],
    ['not', { kind: 'not', rule: any }, {}, unmatched],
    ['port', { kind: 'destination-port', start: 8080, end: 8081 }, {}, matched],
    ['port behind the range', { kind: 'destination-port', start: 8000, end: 8080 }, {}, unmatched],
    ['destination', { kind: 'address', which: 'destination', range: { address: '10.0.0.0', length: 8 } }, {}, matched],
    [
      'IPv6 peer',
      { kind: 'address', which: 'direct-remote', range: { address: 'fd00::', length: 8 } },
      { from: '[fd00::1]:9' },
      matched,
    ],
    ['client', { kind: 'address', which: 'remote', range: { address: '9.9.9.9', length: 32 } }, {}, matched],
    [
      'IPv4 in no block of IPv6',
      { kind: 'address', which: 'destination', range: { address: '::', length: 0 } },
      {},
      unmatched,
    ],
    ['server name', { kind: 'server-name', match: text('suffix', '.test') }, { serverName: 'a.test' }, matched],
    [
      'principal',
      { kind: 'principal', match: text('prefix', 'spiffe://td/ns/a/') },
      { peer: 'spiffe://td/ns/a/sa/x' },
      matched,
    ],
    [
      'principal by suffix (CVE-2020-16844)',
      { kind: 'principal', match: text('suffix', '/sa/x') },
      { peer: 'spiffe://td/ns/a/sa/x', connectionOnly: true },
      matched,
    ],
    ['principal, TLS without a SPIFFE id', { kind: 'principal', match: regex('.*') }, { tls: true }, unmatched],
    ['any principal, with TLS', { kind: 'principal', match: undefined }, { tls: true }, matched],
    ['any principal, without TLS', { kind: 'principal', match: undefined }, {}, unmatched],
    [
      'points in an exact principal are points (CVE-2026-39350)',
      { kind: 'principal', match: text('exact', 'spiffe://t.d/sa/a.b') },
      { peer: 'spiffe://txd/sa/axb' },
      unmatched,
    ],
    ['path without query (CVE-2020-8595)', { kind: 'path', match: text('exact', '/p') }, { path: '/p?x' }, matched],
    ['header without HTTP', header('x-a', text('exact', '1')), { connectionOnly: true }, unmatched],
    [
      'empty header is present (grpc #41373)',
      {
        kind: 'header',
        match: { name: 'x-a', condition: { kind: 'present', present: true }, invert: false, missingIsEmpty: false },
      },
      { headers: [['x-a', '']] },
      matched,
    ],
    ['text beyond ASCII', header('x-a', text('exact', 'é')), { headers: [['x-a', '\u00c3\u00a9']] }, matched],
  ])('%s', (_name, rule, asked, expected) => {
    expect(verdicts(rule, asked)).toBe(expected)
  })
})

describe('what can be read in two ways', () => {
  const admin = header('x-role', text('exact', 'admin'))
  const notAdmin = header('x-role', text('exact', 'admin'), { invert: true })
  const headers = [
    ['x-role', 'user'],
    ['x-role', 'admin'],
  ] as const

  test.each<[string, RbacRule, Asked, string]>([
    ['a value among several (CVE-2020-25017, CVE-2026-26308)', admin, { headers }, refused],
    ['the same inverted', notAdmin, { headers }, refused],
    ['the same under not', { kind: 'not', rule: admin }, { headers }, refused],
    [
      'twice the same value',
      admin,
      {
        headers: [
          ['x-role', 'admin'],
          ['x-role', 'admin'],
        ],
      },
      matched,
    ],
    ['values joined', header('x-role', text('exact', 'user,admin')), { headers }, refused],
    [
      'a value with a comma on one line',
      header('x-role', text('exact', 'user,admin')),
      { headers: [['x-role', 'user,admin']] },
      matched,
    ],
    [
      'host in another case (CVE-2021-39155)',
      header(':authority', text('exact', 'httpbin.foo')),
      { authority: 'HTTPBIN.Foo' },
      refused,
    ],
    ['host with a dot', header('host', text('exact', 'httpbin.foo')), { authority: 'httpbin.foo.' }, refused],
    ['host with a port', header('host', text('exact', 'httpbin.foo')), { authority: 'httpbin.foo:80' }, refused],
    [
      'host with a dot and a port that is asked for',
      header('host', text('exact', 'httpbin.foo:80')),
      { authority: 'httpbin.foo.:80' },
      refused,
    ],
    [
      'path with parameters (CVE-2026-73551)',
      { kind: 'path', match: text('exact', '/admin') },
      { path: '/admin;a=b' },
      refused,
    ],
    [
      'path below a segment with parameters',
      { kind: 'path', match: text('prefix', '/x/y') },
      { path: '/x;/y' },
      refused,
    ],
    [
      'an address that cannot be read',
      { kind: 'address', which: 'destination', range: { address: '10.0.0.0', length: 8 } },
      { to: 'pipe' },
      refused,
    ],
  ])('%s', (_name, rule, asked, expected) => {
    expect(verdicts(rule, asked)).toBe(expected)
  })

  test.each<['allow' | 'deny', boolean]>([
    ['allow', false],
    ['allow', true],
    ['deny', false],
    ['deny', true],
  ])('a matcher that fails denies: %s, under not: %p (CVE-2026-73552)', (action, negated) => {
    const failing: StringMatch = {
      kind: 'regex',
      regex: {
        source: '',
        groupCount: 0,
        matchesAll: () => false,
        tryMatchesAll: () => undefined,
        replaceAll: (value) => value,
      },
    }
    for (const rule of [header('x-a', failing), { kind: 'path', match: failing } as const]) {
      const engine = createRbacEngine(definition(action, negated ? { kind: 'not', rule } : rule))
      expect(engine.decide(subject({ headers: [['x-a', '1']] })).allowed).toBe(false)
    }
  })

  test('an octet that is no UTF-8 is text like any other', () => {
    expect(verdicts(header('x-a', regex('[a-z]+')), { headers: [['x-a', '\xff']] })).toBe(unmatched)
    expect(verdicts(header('x-a', regex('.*')), { headers: [['x-a', '\xff']] })).toBe(matched)
  })
})

describe('ofConnection', () => {
  test.each<[string, RbacRule, boolean]>([
    ['principal', { kind: 'principal', match: text('prefix', 'spiffe://') }, true],
    [
      'peer',
      { kind: 'not', rule: { kind: 'address', which: 'direct-remote', range: { address: '::', length: 0 } } },
      true,
    ],
    ['client', { kind: 'address', which: 'remote', range: { address: '::', length: 0 } }, false],
    ['path', { kind: 'all', rules: [any, { kind: 'path', match: text('exact', '/') }] }, false],
    ['header', { kind: 'one-of', rules: [header('x', text('exact', '/'))] }, false],
  ])('%s', (_name, rule, expected) => {
    expect(createRbacEngine(definition('allow', any, rule)).ofConnection).toBe(expected)
  })
})
