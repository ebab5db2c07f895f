import { normalizePath } from '../src/proxy/http/normalize-path.ts'
import { firstQueryValue } from '../src/proxy/route/query-value.ts'
import { portSeparator, redirectLocation } from '../src/proxy/route/redirect-location.ts'
import { toRequestView } from '../src/proxy/route/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const escapedSlashes = ['keep', 'reject', 'unescape-forward', 'unescape-redirect'] as const

/** A path that was normalised is normal: nothing that comes later reads another one out of it. */
function checkPath(path: string, slashes: (typeof escapedSlashes)[number], mergeSlashes: boolean): string {
  const options = { normalizePath: true, mergeSlashes, escapedSlashes: slashes }
  const result = normalizePath(path, options)
  if (result.kind === 'reject') return 'reject'
  const normal = result.path
  const said = `${JSON.stringify(path)} becomes ${JSON.stringify(normal)}`
  expectThat(normal.startsWith('/') && normal.length <= 3 * path.length, said)
  expectThat(!/\\|\/(?:\.|%2e){1,2}(?:[/;]|$)/i.test(normal), `${said}, with a dot segment or a backslash`)
  expectThat(!mergeSlashes || !normal.includes('//'), `${said}, with two slashes`)
  expectThat(slashes === 'keep' || !/%(?:2f|5c)/i.test(normal), `${said}, with an escaped slash`)
  const again = normalizePath(normal, options)
  expectThat(again.kind === 'path' && again.path === normal, `${said}, and that ${JSON.stringify(again)}`)
  return result.kind
}

/** The obvious way to read a parameter. */
function plainQueryValue(query: string, name: string): string | undefined {
  for (const pair of query.split('&')) {
    if (pair === name) return ''
    if (pair.startsWith(`${name}=`)) return pair.slice(name.length + 1)
  }
  return undefined
}

/** A URL parser that browsers have reads the same host and path out of `Location`. */
function checkRedirect(target: string): string {
  const view = toRequestView({ authority: 'a.example:8080', path: target })
  const location = redirectLocation(redirect, view)
  const url = URL.parse(location)
  expectThat(url !== null && url.host === 'a.example:8080', `${JSON.stringify(target)} leads to ${location}`)
  return url.search === '' ? '' : 'query'
}

const redirect = {
  kind: 'redirect',
  status: 301,
  scheme: 'https',
  host: undefined,
  port: undefined,
  path: undefined,
  stripQuery: false,
} as const

const texts = [
  '/a/../b/./c?x=1&y=2',
  '/a%2e%2E/b%2Fc//d\\..\\e',
  '/..;x/a;b=c/.',
  '/%41%7e%00?x&x=2',
  '/a%5c..%5cb?=&&x==y#z',
]

/** Paths and queries: normalisation, parameters, redirects. */
export const requestPath: FuzzTarget = {
  name: 'request-path',
  seeds: texts.map((text) => Buffer.from(text, 'latin1')),
  dictionary: [
    '/',
    '//',
    '..',
    '/../',
    '/./',
    '%2e',
    '%2E',
    '%2f',
    '%5C',
    '\\',
    ';',
    '%25',
    '%',
    '?',
    '&',
    '=',
    'x',
    '%00',
    '%3',
  ],
  run(input) {
    // What the scanner of heads lets through as a target.
    const target = `/${input.toString('latin1').replaceAll(/[^!-~]/g, '')}`
    const mark = target.indexOf('?')
    const path = mark < 0 ? target : target.slice(0, mark)
    const query = mark < 0 ? '' : target.slice(mark + 1)
    const kinds = escapedSlashes.flatMap((slashes) => [true, false].map((merge) => checkPath(path, slashes, merge)))
    for (const name of ['x', 'y', query.slice(0, 3)]) {
      if (name === '' || /[&=]/.test(name)) continue
      expectThat(firstQueryValue(query, name) === plainQueryValue(query, name), `parameter ${name} of ${query}`)
    }
    const colon = portSeparator(target)
    expectThat(colon === -1 || target[colon] === ':', 'a port separator that is none')
    return `${kinds.join()} ${checkRedirect(target)} ${firstQueryValue(query, 'x')?.length}`
  },
}

if (import.meta.main) await fuzzFromCommandLine(requestPath)
