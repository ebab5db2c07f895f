import { type Http2Case, requestFields, toBoth } from '../case.ts'

const get = requestFields('GET', '/a')
const post = requestFields('POST', '/a')
const long = (length: number): string => 'v'.repeat(length)

type PlainCase = Omit<Http2Case, 'http1' | 'http2'>

const plain: readonly PlainCase[] = [
  ...['GET', 'DELETE', 'OPTIONS', 'PATCH', 'PUT', 'POST'].map((method): PlainCase => ({
    name: `${method} without a body`,
    run: (client) => client.ask(requestFields(method, '/m')),
  })),
  { name: 'OPTIONS *', run: (client) => client.ask(requestFields('OPTIONS', '*')) },
  { name: 'HEAD', run: (client) => client.ask(requestFields('HEAD', '/h')) },
  { name: 'query', run: (client) => client.ask(requestFields('GET', '/a?b=c&d=%20e')) },
  { name: 'POST with its length', run: (client) => client.ask([...post, ['content-length', '5']], 'hello') },
  { name: 'POST without length', run: (client) => client.ask(post, 'hello') },
  { name: 'GET with a body', run: (client) => client.ask(get, 'hello') },
  {
    name: 'body in three frames and an empty one that ends it',
    run: async (client) => {
      client.peer.headers(1, post)
      for (const part of ['one', 'two', 'three']) client.peer.data(1, part)
      client.peer.data(1, '', { end: true })
      await client.ended(1)
    },
  },
  {
    name: 'body of nothing',
    run: async (client) => {
      client.peer.headers(1, post)
      client.peer.data(1, '', { end: true })
      await client.ended(1)
    },
  },
  {
    name: 'body of nothing with length 0',
    run: async (client) => {
      client.peer.headers(1, [...post, ['content-length', '0']])
      client.peer.data(1, '', { end: true })
      await client.ended(1)
    },
  },
  { name: 'length 0 without a body', run: (client) => client.ask([...post, ['content-length', '0']]) },
  {
    name: 'trailers',
    run: async (client) => {
      client.peer.headers(1, [...post, ['te', 'trailers']])
      client.peer.data(1, 'hello')
      client.peer.headers(1, [['x-sum', 'abc']], { end: true })
      await client.ended(1)
    },
  },
  {
    name: 'trailers without a body',
    run: async (client) => {
      client.peer.headers(1, post)
      client.peer.headers(1, [['x-sum', 'abc']], { end: true })
      await client.ended(1)
    },
  },
  {
    name: 'empty trailers',
    run: async (client) => {
      client.peer.headers(1, post)
      client.peer.data(1, 'hello')
      client.peer.headers(1, [], { end: true })
      await client.ended(1)
    },
  },
  {
    name: 'padded frames',
    run: async (client) => {
      client.peer.headers(1, post, { pad: 10 })
      client.peer.data(1, 'hello', { pad: 200 })
      client.peer.data(1, '', { pad: 5, end: true })
      await client.ended(1)
    },
  },
  {
    name: 'head in four frames',
    run: async (client) => {
      client.peer.headers(1, [...get, ['x-long', long(2000)]], { end: true, pieces: 4 })
      await client.ended(1)
    },
  },
  {
    name: 'head in two frames, padded, with priority',
    run: async (client) => {
      client.peer.headers(1, get, { end: true, pieces: 2, pad: 7, priority: [0, 200] })
      await client.ended(1)
    },
  },
  {
    name: 'priority frames',
    run: async (client) => {
      client.peer.priority(3, 0)
      client.peer.priority(5, 3)
      client.peer.headers(7, get, { end: true, priority: [5, 10] })
      await client.ended(7)
    },
  },
  {
    name: 'cookie in pieces',
    run: (client) => client.ask([...get, ['cookie', 'a=1'], ['x', 'y'], ['cookie', 'b=2'], ['cookie', 'c=3']]),
  },
  { name: 'field twice', run: (client) => client.ask([...get, ['x-a', '1'], ['x-a', '2']]) },
  { name: 'empty value', run: (client) => client.ask([...get, ['x-a', '']]) },
  { name: 'octets above ASCII in a value', run: (client) => client.ask([...get, ['x-a', '\xc3\xa9']]) },
  { name: 'tab inside a value', run: (client) => client.ask([...get, ['x-a', 'a\tb']]) },
  { name: 'te: trailers', run: (client) => client.ask([...get, ['te', 'trailers']]) },
  { name: 'host equal to authority', run: (client) => client.ask([...get, ['host', 'app.test']]) },
  {
    name: 'host without authority',
    run: (client) =>
      client.ask([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        ['host', 'app.test'],
      ]),
  },
  {
    name: 'authority with a port',
    run: (client) =>
      client.ask([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'app.test:8080'],
      ]),
  },
  {
    name: 'scheme https',
    run: (client) =>
      client.ask([
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', '/'],
        [':authority', 'app.test'],
      ]),
  },
  {
    name: 'expect: 100-continue',
    run: (client) => client.ask([...post, ['expect', '100-continue'], ['content-length', '5']], 'hello'),
  },
  {
    name: 'gRPC-like request',
    run: (client) =>
      client.ask(
        [...requestFields('POST', '/pkg.Service/Method'), ['te', 'trailers'], ['content-type', 'application/grpc']],
        '\0\0\0\0\x02ab',
      ),
  },
  { name: 'fields of 10 kB', run: (client) => client.ask([...get, ['x-long', long(10_000)]]) },
  {
    name: 'fields of 55 kB',
    run: (client) =>
      client.ask([
        ...get,
        ...Array.from({ length: 11 }, (_, index): [string, string] => [`x-long-${index}`, long(5000)]),
      ]),
  },
  {
    name: 'ninety fields',
    run: (client) =>
      client.ask([...get, ...Array.from({ length: 90 }, (_, index): [string, string] => [`x-${index}`, 'a'])]),
  },
  {
    name: 'two requests at once',
    run: async (client) => {
      client.peer.headers(1, requestFields('GET', '/one'), { end: true })
      await client.ended(1)
      client.peer.headers(3, requestFields('GET', '/two'), { end: true })
      await client.ended(3)
    },
  },
  {
    name: 'reset by the client behind the head',
    run: async (client) => {
      client.peer.headers(1, requestFields('POST', '/gone'))
      client.peer.data(1, 'partial')
      await client.reached('partial')
      client.peer.reset(1, 8)
    },
  },
  {
    name: 'ping and unknown frames and settings',
    run: async (client) => {
      client.peer.ping()
      client.peer.frame(0x42, 0, 0, Buffer.from('what is this'))
      client.peer.sendSettings([[0x99, 1]])
      await client.ask(get)
    },
  },
  {
    name: 'x-forwarded-for, x-request-id and x-envoy fields',
    run: (client) =>
      client.ask([
        ...get,
        ['x-forwarded-for', '10.1.1.1'],
        ['x-request-id', '5'],
        ['x-envoy-max-retries', '2'],
        ['x-forwarded-proto', 'https'],
      ]),
  },
]

/** Requests as sound clients send them. */
export const ordinary: readonly Http2Case[] = plain.flatMap((test) => toBoth(test))
