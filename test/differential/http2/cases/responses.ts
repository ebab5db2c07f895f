import type { RawField } from '../../../harness/frame-peer.ts'
import { type Http2Answer, type Http2Case, plainHttp2, requestFields } from '../case.ts'

const get = requestFields('GET', '/r')
const ok: RawField = [':status', '200']

/** An answer of this head, body and end. */
function whole(fields: readonly RawField[], body = ''): Http2Answer {
  return (peer, { id }) => {
    peer.headers(id, fields, { end: body === '' })
    if (body !== '') peer.data(id, body, { end: true })
  }
}

const answers: readonly (readonly [name: string, answer: Http2Answer, method?: string])[] = [
  ['200 without length', whole([ok], 'ok')],
  ['200 without a body', whole([ok])],
  ['204', whole([[':status', '204']])],
  [
    '304 with a length',
    whole([
      [':status', '304'],
      ['content-length', '10'],
    ]),
  ],
  ['404 with a body', whole([[':status', '404']], 'no')],
  ['HEAD with a length', whole([ok, ['content-length', '10']]), 'HEAD'],
  ['HEAD without a length', whole([ok]), 'HEAD'],
  ['500', whole([[':status', '500']])],
  ['set-cookie twice', whole([ok, ['set-cookie', 'a=1'], ['set-cookie', 'b=2']], 'ok')],
  [
    'trailers',
    (peer, { id }) => {
      peer.headers(id, [ok])
      peer.data(id, 'ok')
      peer.headers(id, [['grpc-status', '0']], { end: true })
    },
  ],
  ['trailers only', whole([ok, ['content-type', 'application/grpc'], ['grpc-status', '5'], ['grpc-message', 'no']])],
  [
    '100, then 200',
    (peer, stream) => {
      peer.headers(stream.id, [[':status', '100']])
      plainHttp2(peer, stream)
    },
  ],
  [
    '103 with a link, then 200',
    (peer, stream) => {
      peer.headers(stream.id, [
        [':status', '103'],
        ['link', '</a>'],
      ])
      plainHttp2(peer, stream)
    },
  ],
  [
    'empty DATA at the end',
    (peer, { id }) => {
      peer.headers(id, [ok])
      peer.data(id, 'ok')
      peer.data(id, '', { end: true })
    },
  ],
  [
    'padded DATA',
    (peer, { id }) => {
      peer.headers(id, [ok], { pad: 3 })
      peer.data(id, 'ok', { pad: 100, end: true })
    },
  ],
  ['head in three frames', (peer, { id }) => peer.headers(id, [ok, ['x-a', 'b']], { pieces: 3, end: true })],
  [
    'x-envoy-upstream-service-time and server of the upstream',
    whole([ok, ['server', 'mine'], ['x-envoy-upstream-service-time', '99999']]),
  ],
]

const broken: readonly (readonly [name: string, answer: Http2Answer])[] = [
  ...[0, 1, 2, 3, 5, 8, 11, 13].flatMap((code): (readonly [string, Http2Answer])[] => [
    [`RST_STREAM ${code} before the head`, (peer, { id }) => peer.reset(id, code)],
    [
      `RST_STREAM ${code} behind the head`,
      (peer, { id }) => {
        peer.headers(id, [ok, ['content-length', '10']])
        peer.data(id, 'part')
        setTimeout(() => peer.reset(id, code), 50)
      },
    ],
  ]),
  [
    'RST_STREAM 0 behind a whole answer',
    (peer, stream) => {
      plainHttp2(peer, stream)
      peer.reset(stream.id, 0)
    },
  ],
  ['no :status', whole([['x-a', 'b']])],
  ['two :status', whole([ok, ok])],
  [':status of two digits', whole([[':status', '20']])],
  [':status 600', whole([[':status', '600']])],
  [':status 101', whole([[':status', '101']])],
  [':status that is no number', whole([[':status', 'abc']])],
  ['a pseudo-field of requests', whole([ok, [':path', '/']])],
  ['a pseudo-field behind a field', whole([['x-a', 'b'], ok])],
  ['an upper-case name', whole([ok, ['X-A', 'b']])],
  ['CR LF in a value', whole([ok, ['x-a', 'b\r\nx-evil: 1']])],
  ['NUL in a value', whole([ok, ['x-a', 'b\0c']])],
  ['a blank before a value', whole([ok, ['x-a', ' b']])],
  ['connection: close', whole([ok, ['connection', 'close']])],
  ['transfer-encoding', whole([ok, ['transfer-encoding', 'chunked']], '2\r\nok\r\n0\r\n\r\n')],
  ['upgrade', whole([ok, ['upgrade', 'websocket']])],
  ['a length longer than the body', whole([ok, ['content-length', '9']], 'ok')],
  ['a length shorter than the body', whole([ok, ['content-length', '1']], 'ok')],
  ['a length and no body', whole([ok, ['content-length', '9']])],
  ['two lengths', whole([ok, ['content-length', '2'], ['content-length', '3']], 'ok')],
  ['a length that is no number', whole([ok, ['content-length', '2x']], 'ok')],
  ['204 with a body', whole([[':status', '204']], 'ok')],
  ['304 with a body', whole([[':status', '304']], 'ok')],
  [
    'many 1xx',
    (peer, stream) => {
      for (let count = 0; count < 40; count += 1) peer.headers(stream.id, [[':status', '103']])
      plainHttp2(peer, stream)
    },
  ],
  [
    'a length and no end',
    (peer, { id }) => {
      peer.headers(id, [ok, ['content-length', '2']])
      peer.data(id, 'ok')
      setTimeout(() => peer.socket.end(), 30)
    },
  ],
  ['1xx that ends the stream', whole([[':status', '103']])],
  ['DATA before the head', (peer, { id }) => void peer.data(id, 'ok', { end: true })],
  [
    'HEADERS behind END_STREAM',
    (peer, stream) => {
      plainHttp2(peer, stream)
      peer.headers(stream.id, [ok], { end: true })
    },
  ],
  [
    'DATA behind END_STREAM',
    (peer, stream) => {
      plainHttp2(peer, stream)
      peer.data(stream.id, 'more', { end: true })
    },
  ],
  [
    'trailers without END_STREAM',
    (peer, { id }) => {
      peer.headers(id, [ok])
      peer.data(id, 'ok')
      peer.headers(id, [['x-a', 'b']])
    },
  ],
  [
    'trailers with a pseudo-field',
    (peer, { id }) => {
      peer.headers(id, [ok])
      peer.data(id, 'ok')
      peer.headers(id, [ok], { end: true })
    },
  ],
  [
    'a head of 100 kB',
    whole([ok, ...Array.from({ length: 20 }, (_, index): RawField => [`x-${index}`, 'v'.repeat(5000)])]),
  ],
  [
    'a head of two hundred fields',
    whole([ok, ...Array.from({ length: 200 }, (_, index): RawField => [`x-${index}`, 'v'])]),
  ],
  [
    'a block that cannot be decoded',
    (peer, { id }) => peer.block(id, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), { end: true }),
  ],
  [
    'HEADERS on a stream that nobody opened',
    (peer, stream) => {
      peer.headers(stream.id + 100, [ok], { end: true })
    },
  ],
  [
    'PUSH_PROMISE',
    (peer, { id }) => peer.frame(5, 4, id, Buffer.concat([Buffer.from([0, 0, 0, 2]), peer.encode(get)])),
  ],
  ['text that is no HTTP/2', (peer) => void peer.send(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))],
  ['the end of the connection', (peer) => void peer.socket.end()],
  ['a reset of the connection', (peer) => void peer.socket.resetAndDestroy()],
  ['GOAWAY 0 without the stream', (peer) => peer.goaway(0, 0)],
  ['GOAWAY 2 without the stream', (peer) => peer.goaway(0, 2)],
  [
    'GOAWAY that includes the stream, then the answer',
    (peer, stream) => {
      peer.goaway(stream.id, 0)
      plainHttp2(peer, stream)
    },
  ],
  [
    'GOAWAY that includes the stream, then the end',
    (peer, stream) => {
      peer.goaway(stream.id, 0)
      setTimeout(() => peer.socket.end(), 30)
    },
  ],
]

/** What HTTP/2 upstreams answer; the second request shows what became of the connection. */
export const responses: readonly Http2Case[] = [
  ...answers.map(([name, answer, method = 'GET']): Http2Case => ({
    name: `upstream answers ${name}`,
    http2: [answer],
    run: (client) => client.ask(requestFields(method, '/r')),
  })),
  ...broken.map(([name, answer]): Http2Case => ({
    name: `upstream sends ${name}`,
    ...(name.startsWith('GOAWAY') ? {} : { hostile: 'upstream' }),
    http2: [answer, plainHttp2],
    run: async (client) => {
      await client.ask(get)
      client.peer.headers(3, requestFields('GET', '/second'), { end: true })
      await client.ended(3)
    },
  })),
  {
    name: 'upstream refuses a stream, and takes it the second time',
    http2: [(peer, { id }) => peer.reset(id, 7), plainHttp2],
    run: (client) => client.ask(get),
  },
  {
    name: 'upstream refuses a POST with its body, and takes it the second time',
    http2: [(peer, { id }) => peer.reset(id, 7), plainHttp2],
    run: (client) => client.ask(requestFields('POST', '/r'), 'hello'),
  },
  {
    name: 'upstream refuses streams by policy until the third',
    http2: [(peer, { id }) => peer.reset(id, 7), (peer, { id }) => peer.reset(id, 7), plainHttp2],
    routes: [
      {
        match: { prefix: '/' },
        route: { cluster: 'CLUSTER', retry_policy: { retry_on: 'refused-stream', num_retries: 3 } },
      },
    ],
    run: (client) => client.ask(get),
  },
  {
    name: 'upstream resets a stream, retried by policy',
    http2: [(peer, { id }) => peer.reset(id, 2), plainHttp2],
    routes: [{ match: { prefix: '/' }, route: { cluster: 'CLUSTER', retry_policy: { retry_on: 'reset' } } }],
    run: (client) => client.ask(get),
  },
  {
    name: 'upstream answers before the request ends',
    http2: true,
    answerAtHead: true,
    run: async (client) => {
      client.peer.headers(1, requestFields('POST', '/early'))
      await client.ended(1)
    },
  },
  {
    name: 'upstream of HTTP/1.1 answers before the request ends',
    http1: [{ on: 'head', send: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok' }],
    run: async (client) => {
      client.peer.headers(1, requestFields('POST', '/early'))
      await client.ended(1)
    },
  },
  {
    name: 'upstream answers early and goes on reading',
    http2: [
      (peer, { id }) => {
        peer.headers(id, [ok])
        peer.data(id, 'early')
        peer.onChange = () => {
          if (peer.streams.get(id)?.end === 'end') peer.data(id, '', { end: true })
        }
      },
    ],
    answerAtHead: true,
    run: async (client) => {
      client.peer.headers(1, requestFields('POST', '/early'))
      await client.answered(1)
      client.peer.data(1, 'late', { end: true })
      await client.ended(1)
    },
  },
  {
    name: 'upstream allows one stream at a time',
    http2: true,
    upstreamSettings: [[3, 1]],
    run: async (client) => {
      await client.ask(get)
      for (const id of [3, 5, 7]) client.peer.headers(id, requestFields('GET', `/${id}`), { end: true })
      for (const id of [3, 5, 7]) await client.ended(id)
    },
  },
  {
    name: 'upstream has windows of ten octets',
    http2: true,
    upstreamSettings: [[4, 10]],
    run: (client) => client.ask(requestFields('POST', '/w'), 'x'.repeat(100)),
  },
  {
    name: 'client has windows of ten octets',
    http2: [whole([ok], 'y'.repeat(100))],
    settings: [[4, 10]],
    run: (client) => client.ask(get),
  },
]
