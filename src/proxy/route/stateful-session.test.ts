import { expect, test } from 'bun:test'
import { toRequestView } from './request-view.ts'
import { readSession, sessionLine, type StatefulSession } from './stateful-session.ts'

const cookie: StatefulSession = { kind: 'cookie', name: 'sid', path: '', ttlSeconds: 0, strict: false }
const header: StatefulSession = { kind: 'header', name: 'x-session', strict: false }

const requestOf = (headers: Readonly<Record<string, string>>, path = '/') =>
  toRequestView({ method: 'GET', scheme: 'http', authority: 'a', path, headers })

/** What the client sends back of a line that it was given. */
function sentBack(line: string): Readonly<Record<string, string>> {
  const [name = '', value = ''] = line.trim().split(/: (.*)/)
  return name === 'set-cookie' ? { cookie: `a=b; ${value.split(';')[0]}` } : { [name]: value }
}

test.each(['10.0.0.1:80', '[2001:db8::1]:8443', '/run/socket'])(
  'readSession() reads %p from what sessionLine() wrote',
  (authority) => {
    for (const session of [cookie, header, { ...cookie, ttlSeconds: 60 }])
      expect(readSession(session, requestOf(sentBack(sessionLine(session, authority, 1000))), 1059)).toBe(authority)
  },
)

test('readSession() counts a cookie no longer when its time is over', () => {
  const session = { ...cookie, ttlSeconds: 60 }
  const line = sessionLine(session, '10.0.0.1:80', 1_700_000_000)
  expect(line).toEndWith('; Max-Age=60; HttpOnly\r\n')
  expect(readSession(session, requestOf(sentBack(line)), 1_700_000_060)).toBe('')
})

test('readSession() gives nothing for no value, one that is too long, or one of another name', () => {
  expect(readSession(cookie, requestOf({}), 0)).toBe('')
  expect(readSession(header, requestOf({}), 0)).toBe('')
  expect(readSession(cookie, requestOf({ cookie: `sid=${'A'.repeat(600)}` }), 0)).toBe('')
  expect(readSession(header, requestOf({ 'x-session': 'A'.repeat(600) }), 0)).toBe('')
  expect(readSession(cookie, requestOf({ cookie: 'xsid=MTA=' }), 0)).toBe('')
})

test.each([
  ['', '/any', true],
  ['/', '/any', true],
  ['/shop', '/shop', true],
  ['/shop', '/shop/a', true],
  ['/shop', '/shopping', false],
  ['/shop/', '/shop/a', true],
  ['/shop/', '/shop', false],
])('sessions below %p: a request for %p has part %p', (path, requested, part) => {
  expect(readSession({ ...cookie, path }, requestOf({}, requested), 0)).toBe(part ? '' : undefined)
})
