import type { RawField } from '../../../harness/frame-peer.ts'
import { type Http2Case, requestFields, toBoth, withPseudo } from '../case.ts'

const get = requestFields('GET', '/v')
const post = requestFields('POST', '/v')
const smuggled = 'x\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: evil.test\r\n\r\n'

/** Heads that break a rule, or nearly. */
const heads: readonly (readonly [name: string, fields: readonly RawField[]])[] = [
  ...(['\r', '\n', '\r\n', '\0'] as const).flatMap((octets): (readonly [string, readonly RawField[]])[] => {
    const shown = JSON.stringify(octets).slice(1, -1)
    return [
      [`${shown} in a value`, [...get, ['x-a', `b${octets}c`]]],
      [`${shown} in a name`, [...get, [`x-a${octets}b`, 'c']]],
      [`${shown} in :path`, withPseudo(':path', `/a${octets}b`)],
      [`${shown} in :authority`, withPseudo(':authority', `app${octets}.test`)],
      [`${shown} in :method`, withPseudo(':method', `GE${octets}T`)],
      [`${shown} in :scheme`, withPseudo(':scheme', `ht${octets}tp`)],
    ]
  }),
  ['a request in a value', [...get, ['x-a', smuggled]]],
  ['a request in :path', withPseudo(':path', `/ HTTP/1.1\r\nhost: a\r\n\r\nGET /smuggled`)],
  ['a request in :method', withPseudo(':method', 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\nGET')],
  ['colon in a name', [...get, ['x:a', 'b']]],
  ['colon behind a name', [...get, ['x-a:', 'b']]],
  ['space in a name', [...get, ['x a', 'b']]],
  ['space behind a name', [...get, ['transfer-encoding ', 'chunked']]],
  ['empty name', [...get, ['', 'b']]],
  ['upper-case name', [...get, ['X-A', 'b']]],
  ['upper-case transfer-encoding', [...post, ['Transfer-Encoding', 'chunked']]],
  ['name with a bracket', [...get, ['x(a', 'b']]],
  ['name above ASCII', [...get, ['x\xe9', 'b']]],
  ['Kelvin sign in a name', [...get, ['\xe2\x84\xaaeep-alive', 'b']]],
  ['long s in a name', [...post, ['tran\xc5\xbffer-encoding', 'chunked']]],
  ['underscore in a name', [...get, ['x_a', 'b']]],
  ['transfer_encoding', [...post, ['transfer_encoding', 'chunked']]],
  ['content_length', [...post, ['content_length', '3']]],
  ['connection: close', [...get, ['connection', 'close']]],
  ['connection: x-a', [...get, ['x-a', 'b'], ['connection', 'x-a']]],
  ['proxy-connection', [...get, ['proxy-connection', 'keep-alive']]],
  ['keep-alive', [...get, ['keep-alive', 'timeout=5']]],
  ['upgrade', [...get, ['upgrade', 'websocket']]],
  ['http2-settings', [...get, ['http2-settings', 'AAA']]],
  ['transfer-encoding: chunked', [...get, ['transfer-encoding', 'chunked']]],
  ['transfer-encoding: identity', [...get, ['transfer-encoding', 'identity']]],
  ['te: gzip', [...get, ['te', 'gzip']]],
  ['te: trailers, gzip', [...get, ['te', 'trailers, gzip']]],
  ['te: Trailers', [...get, ['te', 'Trailers']]],
  [':path that is empty', withPseudo(':path', '')],
  [':path without slash', withPseudo(':path', 'a/b')],
  [':path with a space', withPseudo(':path', '/a b')],
  [':path with a tab', withPseudo(':path', '/a\tb')],
  [':path with a fragment', withPseudo(':path', '/a#b')],
  [':path *', withPseudo(':path', '*')],
  [':path that is absolute', withPseudo(':path', 'http://evil.test/a')],
  [':path with two slashes', withPseudo(':path', '//evil.test/a')],
  [':path above ASCII', withPseudo(':path', '/\xc3\xa9')],
  [':path with DEL', withPseudo(':path', '/a\x7f')],
  [':path with a backslash', withPseudo(':path', '/a\\b')],
  [':path with dot segments', withPseudo(':path', '/public/../private')],
  [':path with an odd percent', withPseudo(':path', '/a%zz')],
  [':path with quotes and brackets', withPseudo(':path', '/a"<>{}|^`')],
  ['no :path', withPseudo(':path', undefined)],
  [':scheme in capitals', withPseudo(':scheme', 'HTTP')],
  [':scheme in mixed case', withPseudo(':scheme', 'htTps')],
  [':scheme ftp', withPseudo(':scheme', 'ftp')],
  [':scheme that is empty', withPseudo(':scheme', '')],
  [':scheme with a URL', withPseudo(':scheme', 'http://evil.test/a?')],
  ['no :scheme', withPseudo(':scheme', undefined)],
  [':method that is empty', withPseudo(':method', '')],
  [':method with a space', withPseudo(':method', 'GET /')],
  [':method in lower case', withPseudo(':method', 'get')],
  [':method that nobody knows', withPseudo(':method', 'BREW')],
  [':method with a bracket', withPseudo(':method', 'G(T')],
  ['no :method', withPseudo(':method', undefined)],
  [':authority that is empty', withPseudo(':authority', '')],
  [':authority with user information', withPseudo(':authority', 'user@app.test')],
  [':authority with a path', withPseudo(':authority', 'app.test/a')],
  [':authority with a space', withPseudo(':authority', 'app.test evil.test')],
  [':authority with a comma', withPseudo(':authority', 'app.test,evil.test')],
  [':authority of 300 octets', withPseudo(':authority', `${'a'.repeat(300)}.test`)],
  ['neither authority nor host', withPseudo(':authority', undefined)],
  ['host against authority', [...get, ['host', 'evil.test']]],
  ['host that is empty', [...get, ['host', '']]],
  ['two hosts', [...withPseudo(':authority', undefined), ['host', 'a.test'], ['host', 'b.test']]],
  ['two :path', [...get.slice(0, 3), [':path', '/other'], ...get.slice(3)]],
  ['two :method', [[':method', 'GET'], ...get]],
  ['two :authority', [...get, [':authority', 'app.test']]],
  ['two :scheme', [[':scheme', 'http'], ...get]],
  ['unknown pseudo-field', [...get, [':x', 'y']]],
  [':status in a request', [...get, [':status', '200']]],
  [':protocol that is not allowed', [[':method', 'CONNECT'], [':protocol', 'websocket'], ...get.slice(1)]],
  ['pseudo-field behind a field', [...get.slice(0, 3), ['x-a', 'b'], ...get.slice(3)]],
  ['blank before a value', [...get, ['x-a', ' b']]],
  ['blank behind a value', [...get, ['x-a', 'b ']]],
  ['tab around a value', [...get, ['x-a', '\tb\t']]],
  ['control octet in a value', [...get, ['x-a', 'b\x01c']]],
  ['DEL in a value', [...get, ['x-a', 'b\x7fc']]],
  [
    'CONNECT without a route',
    [
      [':method', 'CONNECT'],
      [':authority', 'app.test:443'],
    ],
  ],
  [
    'CONNECT with :path',
    [
      [':method', 'CONNECT'],
      [':authority', 'app.test:443'],
      [':path', '/'],
    ],
  ],
  ['CONNECT without authority', [[':method', 'CONNECT']]],
  ['__proto__ and constructor', [...get, ['__proto__', 'a'], ['constructor', 'b'], ['tostring', 'c']]],
  ['a field of 20 kB', [...get, ['x-a', 'v'.repeat(20_000)]]],
  [
    'fields of 70 kB',
    [...get, ...Array.from({ length: 14 }, (_, index): RawField => [`x-${index}`, 'v'.repeat(5000)])],
  ],
  [
    'a hundred and twenty fields',
    [...get, ...Array.from({ length: 120 }, (_, index): RawField => [`x-${index}`, 'v'])],
  ],
  ['a name of 2 kB', [...get, ['x'.repeat(2000), 'v']]],
  ['unknown expectation', [...get, ['expect', 'magic']]],
  ['x-envoy-original-path of a client', [...get, ['x-envoy-original-path', '/other']]],
]

const lengths: readonly (readonly [name: string, length: string, body: string | undefined])[] = [
  ['longer than the body', '9', 'hello'],
  ['shorter than the body', '2', 'hello'],
  ['without a body', '5', undefined],
  ['zero and a body', '0', 'hello'],
  ['that is empty', '', 'hello'],
  ['with a sign', '+5', 'hello'],
  ['that is negative', '-5', 'hello'],
  ['in hexadecimal', '0x5', 'hello'],
  ['with a blank', '5 ', 'hello'],
  ['that is a list', '5, 5', 'hello'],
  ['with leading zeros', '005', 'hello'],
  ['of 2^64', '18446744073709551616', 'hello'],
]

const trailers: readonly (readonly [name: string, fields: readonly RawField[]])[] = [
  ['a pseudo-field', [[':path', '/other']]],
  ['a length', [['content-length', '5']]],
  ['transfer-encoding', [['transfer-encoding', 'chunked']]],
  ['connection', [['connection', 'close']]],
  ['a line end in a value', [['x-a', 'b\r\nc: d']]],
  ['an upper-case name', [['X-A', 'b']]],
  ['host', [['host', 'evil.test']]],
  [
    'credentials',
    [
      ['authorization', 'Basic x'],
      ['x-fine', '1'],
    ],
  ],
]

/** Requests of broken and malicious clients. */
export const hostile: readonly Http2Case[] = [
  ...heads.flatMap(([name, fields]) =>
    toBoth({ name: `client sends ${name}`, hostile: 'client', run: (client) => client.ask(fields) }),
  ),
  ...lengths.flatMap(([name, length, body]) =>
    toBoth({
      name: `client sends a length ${name}`,
      hostile: 'client',
      run: (client) => client.ask([...post, ['content-length', length]], body),
    }),
  ),
  ...toBoth({
    name: 'client sends two lengths',
    hostile: 'client',
    run: (client) => client.ask([...post, ['content-length', '5'], ['content-length', '4']], 'hello'),
  }),
  ...toBoth({
    name: 'client sends two equal lengths',
    hostile: 'client',
    run: (client) => client.ask([...post, ['content-length', '5'], ['content-length', '5']], 'hello'),
  }),
  ...trailers.flatMap(([name, fields]) =>
    toBoth({
      name: `client sends trailers with ${name}`,
      hostile: 'client',
      run: async (client) => {
        client.peer.headers(1, post)
        client.peer.data(1, 'hello')
        client.peer.headers(1, fields, { end: true })
        await client.ended(1)
      },
    }),
  ),
]
