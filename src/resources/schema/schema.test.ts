import { describe, expect, test } from 'bun:test'

import { type Diagnostic, limits, parseFiles, suggest } from '../index.ts'
import {
  boolean,
  decimal,
  duration,
  integer,
  list,
  mapOf,
  object,
  oneOf,
  openObject,
  optional,
  parseDuration,
  Place,
  type Reader,
  regex,
  regexGroups,
  required,
  text,
} from './index.ts'

function read<Value>(reader: Reader<Value>, yaml: string): { value: Value | undefined; faults: readonly Diagnostic[] } {
  const [resource] = parseFiles(
    [{ path: 'in.yaml', text: `apiVersion: v1\nkind: A\nmetadata: {name: a}\nx: ${yaml}\n` }],
    { defaultNamespace: 'default' },
  ).resources
  if (resource === undefined) throw new Error('Expected an object')
  const faults: Diagnostic[] = []
  return { value: reader(resource.body['x'], new Place(resource, 'A default/a', faults, ['x'])), faults }
}

function said(reader: Reader<unknown>, yaml: string): readonly string[] {
  return read(reader, yaml).faults.map(({ field, expected, got, message, remedy }) =>
    [`${field}: ${expected === undefined ? message : `${expected} / ${got ?? ''}`}`, remedy]
      .filter(Boolean)
      .join(' | '),
  )
}

describe('object()', () => {
  const person = object({ name: required(text), age: optional(integer(0, 150)), tags: optional(list(text)) })

  test('reads fields and treats null as absence', () => {
    expect(read(person, '{name: a, age: null, tags: [b]}').value).toEqual({ name: 'a', tags: ['b'] })
  })

  test('reports unknown, missing and faulty fields at once', () => {
    expect(said(person, '{nmae: a, age: 200, tags: [1, b, 2]}')).toEqual([
      'x.nmae: Unknown field "nmae" | Did you mean name?',
      'x.name: Required field name is missing',
      'x.age: a whole number from 0 to 150 / 200',
      'x.tags[0]: a text / 1 | Put it in quotes: "1"',
      'x.tags[2]: a text / 2 | Put it in quotes: "2"',
    ])
  })

  test('tells its rule a faulty field from an absent one', () => {
    const seen: unknown[] = []
    read(
      object({ a: optional(text), b: optional(text), c: optional(text) }, (value, _, written) => {
        seen.push(value, written('a'), written('b'), written('c'))
      }),
      '{a: 1, b: x}',
    )
    expect(seen).toEqual([{ b: 'x' }, true, true, false])
  })

  test('takes a field named like one of JavaScript objects as unknown', () => {
    expect(said(person, '{name: a, constructor: 1, __proto__: 2}')).toHaveLength(2)
  })
})

describe('openObject()', () => {
  test('does not look at other fields', () => {
    expect(read(openObject({ a: optional(text) }), '{a: b, z: [1]}')).toEqual({ value: { a: 'b' }, faults: [] })
  })
})

describe('readers of scalars', () => {
  const table: readonly (readonly [string, Reader<unknown>, string, string])[] = [
    ['boolean', boolean, '"yes"', 'x: true or false / "yes"'],
    ['integer', integer(1, 5), '1.5', 'x: a whole number from 1 to 5 / 1.5'],
    ['integer', integer(1, 5), '"3"', 'x: a whole number from 1 to 5 / "3"'],
    ['decimal', decimal(0, 100), '.nan', 'x: a number from 0 to 100 / "NaN"'],
    ['decimal', decimal(0, 100), '.inf', 'x: a number from 0 to 100 / "Infinity"'],
    ['oneOf', oneOf(['RED', 'BLUE']), 'RDE', 'x: one of RED, BLUE / "RDE" | Did you mean RED?'],
    ['text', text, 'true', 'x: a text / true | Put it in quotes: "true"'],
    ['list', list(text), 'a', 'x: a list / "a"'],
    ['mapOf', mapOf(text), '[a]', 'x: a map of names to values / a list of 1'],
  ]
  for (const [name, reader, yaml, expected] of table) {
    test(`${name}() refuses ${yaml}`, () => {
      expect(said(reader, yaml)).toEqual([expected])
    })
  }
})

describe('parseDuration()', () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ['1.5s', 1500],
    ['1h30m', 5_400_000],
    ['200ms', 200],
    ['0', 0],
    ['0s', 0],
    ['.5s', 500],
    ['2000us', 2],
    ['1us', undefined],
    ['', undefined],
    ['5', undefined],
    ['-1s', undefined],
    ['1d', undefined],
    ['1s ', undefined],
    ['1s!', undefined],
    ['8784h', 31_622_400_000],
    ['8785h', undefined],
    ['99999999999h', undefined],
  ]
  for (const [written, expected] of table) {
    test(`reads ${JSON.stringify(written)} as ${expected ?? 'no duration'}`, () => {
      expect(parseDuration(written)).toBe(expected)
    })
  }
})

describe('duration()', () => {
  test('tells a number to take a unit, and takes 0 only where it means off', () => {
    expect(said(duration({ zero: true }), '5')[0]).toEndWith('Give it a unit: 5s')
    expect(read(duration({ zero: true }), '0s').value).toBe(0)
    expect(said(duration({ zero: false }), '0s')).toHaveLength(1)
  })
})

describe('regex()', () => {
  test('takes RE2 syntax and counts its groups', () => {
    expect(read(regex, "'^/v([0-9]+)/(?:x)(.*)$'").faults).toEqual([])
    expect(regexGroups('^/v([0-9]+)/(?:x)(.*)$')).toBe(2)
    expect(regexGroups('(')).toBe(0)
  })

  for (const pattern of ['(', '(?=a)', '(?<!a)b', '(a)\\1', '[z-a]', 'a{1001}', '\\C']) {
    test(`refuses ${pattern}`, () => {
      expect(read(regex, `'${pattern}'`).faults).toHaveLength(1)
    })
  }
})

describe('suggest()', () => {
  test('finds swaps, case and near names, and nothing for a far one', () => {
    const known = ['hosts', 'gateways', 'http']
    expect(['hsots', 'HOSTS', 'gateway', 'htpt', 'completely', ''].map((name) => suggest(name, known))).toEqual([
      'hosts',
      'hosts',
      'gateways',
      'http',
      undefined,
      undefined,
    ])
    expect(suggest('x'.repeat(10_000), known)).toBeUndefined()
  })
})

describe('Place', () => {
  test('stops at the limit of faults and says so once', () => {
    const many = `[${'1, '.repeat(limits.diagnosticsPerDocument + 50)}]`
    const { faults } = read(list(text), many)
    expect(faults).toHaveLength(limits.diagnosticsPerDocument + 1)
    expect(faults.at(-1)?.code).toBe('WEFT_RESOURCE_TOO_MANY_FAULTS')
  })
})
