import { expect, test } from 'bun:test'
import { namedResources } from './named-resources.ts'

test.each([
  ['cluster outbound|80||a.svc: connect_timeout: bad', ['outbound|80||a.svc']],
  ['route http_proxy/a:80: routes[0]: bad', ['http_proxy/a:80']],
  ['Error adding/updating cluster(s) outbound|80||a: no, b: no', ['outbound|80||a', 'b']],
  ['outbound|80||a.svc.other: bad', []],
  ['something else', []],
  ['Unable to read abc.', []],
])('namedResources() finds whole names in %p', (message, expected) => {
  expect(
    namedResources(message, ['outbound|80||a', 'outbound|80||a.svc', 'http_proxy/a:80', 'http_proxy/a', 'b']),
  ).toEqual(expected)
})
