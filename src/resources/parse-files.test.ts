import { describe, expect, test } from 'bun:test'
import { array, assert, constantFrom, property } from 'fast-check'

import { limits, parseFiles, positionOf, type Resource } from './index.ts'

function parse(text: string, path = 'in.yaml') {
  return parseFiles([{ path, text }], { defaultNamespace: 'default' })
}

function only(text: string): Resource {
  const { resources, diagnostics } = parse(text)
  expect(diagnostics).toEqual([])
  const [resource] = resources
  if (resource === undefined || resources.length !== 1) throw new Error(`Expected one object, got ${resources.length}`)
  return resource
}

const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n'

describe('parseFiles()', () => {
  test('gives the envelope of each document with its own text and first line', () => {
    const { resources, diagnostics } = parse(
      `# head\n---\n\n${service}---\n# only a comment\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: b\n  namespace: prod\n  labels: {app: b}\n  annotations: {note: "1"}\nspec: {}\n`,
    )
    expect(diagnostics).toEqual([])
    expect(
      resources.map(({ group, kind, namespace, name, firstLine }) => ({ group, kind, namespace, name, firstLine })),
    ).toEqual([
      { group: '', kind: 'Service', namespace: 'default', name: 'a', firstLine: 4 },
      { group: 'apps', kind: 'Deployment', namespace: 'prod', name: 'b', firstLine: 10 },
    ])
    expect(resources[0]?.text).toBe(service)
    expect(resources[1]?.labels).toEqual(new Map([['app', 'b']]))
    expect(resources[1]?.annotations).toEqual(new Map([['note', '1']]))
  })

  test('reads JSON, a byte order mark and Windows line ends', () => {
    expect(only('{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}').name).toBe('a')
    const resource = only(`\uFEFF${service.replaceAll('\n', '\r\n')}`)
    expect(resource.name).toBe('a')
    expect(positionOf(resource, ['metadata', 'name'])).toEqual({ line: 3, column: 18 })
  })

  test('takes content on the marker line and a document end marker', () => {
    const { resources, diagnostics } = parse(
      `%YAML 1.2\n--- {apiVersion: v1, kind: Service, metadata: {name: a}}\n...\n---\n${service.replace('name: a', 'name: b')}`,
    )
    expect(diagnostics).toEqual([])
    expect(resources.map(({ name, firstLine }) => [name, firstLine])).toEqual([
      ['a', 2],
      ['b', 5],
    ])
  })

  test('keeps a marker inside an indented block scalar', () => {
    const resource = only(`${service}data:\n  text: |\n    a\n    ---\n    b\n`)
    expect(resource.body['data']).toEqual({ text: 'a\n---\nb\n' })
  })

  test('parses an object again from its stored text with the same positions', () => {
    const first = parse(`---\n${service}spec:\n  type: ClusterIP\n`).resources[0]
    expect(first).toBeDefined()
    if (first === undefined) return
    const again = parseFiles([{ path: first.file, text: first.text, firstLine: first.firstLine }], {
      defaultNamespace: 'x',
    })
    const path = ['spec', 'type']
    expect(again.resources.map((resource) => positionOf(resource, path))).toEqual([positionOf(first, path)])
    expect(positionOf(first, path)).toEqual({ line: 6, column: 9 })
  })

  test('keeps lines and columns of the items of a list, and of an item that uses an alias from outside', () => {
    const { resources, diagnostics } = parse(
      `apiVersion: v1\nkind: List\nmetadata: {labels: &l {app: a}}\nitems:\n  - apiVersion: v1\n    kind: Service\n    metadata:\n      name: a\n  - apiVersion: v1\n    kind: Service\n    metadata: {name: b, labels: *l}\n`,
    )
    expect(diagnostics).toEqual([])
    expect(resources.map((resource) => resource.name)).toEqual(['a', 'b'])
    const [a, b] = resources
    if (a === undefined || b === undefined) return
    expect(positionOf(a, ['metadata', 'name'])).toEqual({ line: 8, column: 13 })
    expect(positionOf(a, [])).toEqual({ line: 5, column: 5 })
    expect(b.labels).toEqual(new Map([['app', 'a']]))
    expect(positionOf(b, []).line).toBe(9)
  })

  test('names both places of a duplicate across files and versions', () => {
    const files = [
      { path: 'one.yaml', text: `\n${service}` },
      { path: 'two.yaml', text: service },
    ]
    const { diagnostics } = parseFiles(files, { defaultNamespace: 'default' })
    expect(diagnostics).toHaveLength(1)
    expect(diagnostics[0]).toMatchObject({ code: 'WEFT_RESOURCE_DUPLICATE', file: 'two.yaml', line: 3 })
    expect(diagnostics[0]?.message).toContain('one.yaml:4')
  })

  test('gives an object with a faulty label, so that its spec can be checked too', () => {
    const { resources, diagnostics } = parse('apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {n: 1}}\n')
    expect(resources.map((resource) => resource.name)).toEqual(['a'])
    expect(diagnostics.map((fault) => fault.field)).toEqual(['metadata.labels.n'])
  })

  const tooLarge: readonly (readonly [string, string])[] = [
    ['a file', 'a: b\n'.repeat(Math.ceil(limits.fileCharacters / 5) + 1)],
    ['a document', `a: "${'x'.repeat(limits.documentCharacters)}"\n`],
    ['a number of documents', 'a: 1\n---\n'.repeat(limits.documents + 1)],
    ['flow collections inside each other', `a: ${'['.repeat(limits.depth)}${']'.repeat(limits.depth)}\n`],
    ['brackets never closed', '['.repeat(100_000)],
    ['dashes on one line', `${'- '.repeat(100_000)}a\n`],
  ]
  for (const [what, text] of tooLarge) {
    test(`refuses ${what} above its limit`, () => {
      const { resources, diagnostics } = parse(text)
      expect(resources).toEqual([])
      expect(diagnostics.map((fault) => fault.code)).toEqual(['WEFT_YAML_LIMIT'])
    })
  }

  test('reports a bounded number of duplicate keys, each line once', () => {
    const { diagnostics } = parse('k: 1\n'.repeat(20_000))
    expect(new Set(diagnostics.map((fault) => fault.code))).toEqual(new Set(['WEFT_YAML_DUPLICATE_KEY']))
    expect(diagnostics).toHaveLength(limits.diagnosticsPerDocument)
  })

  test('allows several merge keys in one map, and no key twice in any', () => {
    const text = `${service}a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n  z: 3\n`
    expect(only(text).body['c']).toEqual({ x: 1, y: 2, z: 3 })
    expect(parse(`${text}d: {q: 1, "q": 2}\n`).diagnostics.map((fault) => [fault.line, fault.column])).toEqual([
      [10, 11],
    ])
  })

  test('takes a document of the deepest allowed nesting', () => {
    const depth = limits.depth - 1
    const { body } = only(`${service}x: ${'['.repeat(depth)}${']'.repeat(depth)}\n`)
    expect(Array.isArray(body['x'])).toBe(true)
  })

  test('keeps a key named __proto__ as data', () => {
    const { body } = only(`${service}spec: {__proto__: {polluted: true}}\n`)
    expect(Object.keys(body['spec'] ?? {})).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('ends with diagnostics or objects for a file cut at any byte', () => {
    const text = `${service}spec: &s\n  "q": 'r'\n  l:\n    - {a: [1, *s2, "x\\ny"]}\n    - |\n      text\n---\n!!map {? a : b}\n`
    for (let end = 0; end <= text.length; end += 1) {
      const { diagnostics } = parse(text.slice(0, end))
      for (const { line, column } of diagnostics) {
        expect(line).toBeGreaterThan(0)
        expect(column).toBeGreaterThan(0)
      }
    }
  })

  test('never throws, whatever the text', () => {
    const pieces = constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '-',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '|',
      '>',
      '&x',
      '*x',
      '!',
      '%',
      '#',
      '\t',
      '---\n',
      '? ',
      '<<',
      '0',
      '~',
      '\r',
      '\u0000',
      'é',
      '\ud800',
    )
    assert(
      property(array(pieces, { maxLength: 60 }), (parts) => {
        expect(Array.isArray(parse(parts.join('')).resources)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})
