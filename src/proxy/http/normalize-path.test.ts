import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'

import { normalizePath } from './normalize-path.ts'

const options = { normalizePath: true, mergeSlashes: true, escapedSlashes: 'keep' } as const

function pathOf(path: string, changes: Partial<Parameters<typeof normalizePath>[1]> = {}): string {
  const result = normalizePath(path, { ...options, ...changes })
  return result.kind === 'path' ? result.path : result.kind === 'redirect' ? `-> ${result.path}` : 'reject'
}

describe('normalizePath', () => {
  // What Envoy 1.40 forwards for the same paths.
  test.each([
    ['/a/%41b', '/a/Ab'],
    ['/a/%2e%2e/b', '/b'],
    ['/a/../../b', '/b'],
    ['/a\\..\\b', '/b'],
    ['/a%5cb', '/a%5cb'],
    ['/a//b///c', '/a/b/c'],
    ['/a/..;x/b', '/b'],
    ['/a/.;/b', '/a/b'],
    ['/a;x/b', '/a;x/b'],
    ['/a/...;/b', '/a/...;/b'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/%7Efoo%2d%5f', '/~foo-_'],
    ['/%25%34%31', '/%2541'],
    ['/a/%zz%2', '/a/%zz%2'],
    ['/a|b"<>^`{}', '/a%7Cb%22%3C%3E%5E%60%7B%7D'],
    ['/a/%2e%2e%2fb', '/a/..%2fb'],
    ['/.hidden/..x/y..', '/.hidden/..x/y..'],
    ['/a%20%3f%23%3B%7f%80%0a', '/a%20%3f%23%3B%7f%80%0a'],
    ['/a%00b', 'reject'],
  ])('%j becomes %j', (path, expected) => {
    expect(pathOf(path)).toBe(expected)
  })

  test('an escape that is cut short does not become one by what is unescaped behind it', () => {
    expect(pathOf('/a/%2%65%2%65/b')).toBe('/a/%2%65%2%65/b')
    expect(pathOf('/a/%%32e%%32e/b', { escapedSlashes: 'unescape-forward' })).toBe('/a/%%32e%%32e/b')
    expect(pathOf('/a%%35cb', { escapedSlashes: 'reject' })).toBe('/a%%35cb')
    expect(pathOf('/%41%42')).toBe('/AB')
  })

  test('parameters of an escaped dot segment do not hide it', () => {
    expect(pathOf('/a/%2e%2e;x/b')).toBe('/b')
  })

  test('escaped slashes are kept, refused, redirected or unescaped', () => {
    expect(pathOf('/a/..%2F%5Cb', { escapedSlashes: 'reject' })).toBe('reject')
    expect(pathOf('/a/..%2F%5Cb', { escapedSlashes: 'unescape-forward' })).toBe('/b')
    expect(pathOf('/a/..%2F%5Cb', { escapedSlashes: 'unescape-redirect' })).toBe('-> /b')
    expect(pathOf('/a/../b', { normalizePath: false, mergeSlashes: false })).toBe('/a/../b')
  })

  test('a normalised path is absolute, has no dot segment, and normalises to itself', () => {
    const part = fc.constantFrom('/', '.', '..', '%2e', '%2E', ';', 'a', '\\', '//', '%41', '%', '2e', '|')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const once = pathOf(`/${parts.join('')}`)
        expect(once).toStartWith('/')
        expect(once.split('/').filter((segment) => segment === '.' || segment === '..')).toEqual([])
        if (!once.includes('%')) expect(pathOf(once)).toBe(once)
      }),
    )
  })
})
