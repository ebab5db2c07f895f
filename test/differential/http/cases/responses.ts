import {
  type Answer,
  askAgain,
  awaitResponses,
  closed,
  type HttpCase,
  received,
  request,
  response,
  send,
  upstreamClosed,
  upstreamEnd,
  upstreamGot,
  upstreamSend,
} from '../case.ts'

const http10 = { http_protocol_options: { accept_http_10: true } }
const get = request('GET /')
const again = (first: string): HttpCase['steps'] => [
  send(first),
  awaitResponses(1),
  send(request('GET /2')),
  awaitResponses(2),
  askAgain,
]
const answered = (text: string, end?: 'fin' | 'reset'): readonly Answer[] => [
  end === undefined ? { send: text } : { send: text, end },
]
const upgrade = { upgrade_configs: [{ upgrade_type: 'websocket' }] }
const websocket = request('GET /chat', [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
])
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n'

/** What upstreams answer, well and badly, and when they leave. */
export const responses: readonly HttpCase[] = [
  { name: '204', answers: answered('HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n'), steps: again(get) },
  {
    name: '204 with a length of zero',
    answers: answered('HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n'),
    steps: again(get),
  },
  {
    name: '304 with a length',
    answers: answered('HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\netag: "a"\r\n\r\n'),
    steps: again(get),
  },
  { name: '304 without a length', answers: answered('HTTP/1.1 304 Not Modified\r\n\r\n'), steps: again(get) },
  { name: '404 of the upstream', answers: answered(response('404 Not Found', [], 'none')), steps: again(get) },
  {
    name: '503 of the upstream',
    answers: answered(response('503 Service Unavailable', ['Retry-After: 1'], 'busy')),
    steps: again(get),
  },
  { name: 'reason of its own', answers: answered(response('200 Sehr gut')), steps: get },
  { name: 'no reason', answers: answered('HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n'), steps: get },
  { name: 'no reason and no blank', answers: answered('HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'), steps: get },
  { name: 'status 299', answers: answered(response('299 Odd')), steps: get },
  {
    name: 'chunked response',
    answers: answered(response('200 OK', ['transfer-encoding: chunked'], '3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n')),
    steps: again(get),
  },
  {
    name: 'chunked response with trailers',
    answers: answered(
      response('200 OK', ['transfer-encoding: chunked', 'trailer: x-sum'], '3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'),
    ),
    steps: again(request('GET /', ['TE: trailers', 'Connection: TE'])),
  },
  {
    name: 'chunked response in pieces',
    answers: answered(response('200 OK', ['transfer-encoding: chunked'], '3\r\nab')),
    steps: [
      send(get),
      received('ab'),
      upstreamSend('c\r\n4'),
      upstreamSend('\r\ndefg\r\n0\r\n'),
      upstreamSend('\r\n'),
      awaitResponses(),
      askAgain,
    ],
  },
  {
    name: 'response to the end of the connection',
    answers: answered('HTTP/1.1 200 OK\r\n\r\nall of it', 'fin'),
    steps: again(get),
  },
  {
    name: 'response to the end of the connection for HTTP/1.0',
    manager: http10,
    answers: answered('HTTP/1.1 200 OK\r\n\r\nall of it', 'fin'),
    steps: request('GET / HTTP/1.0', ['Host: app.test', 'Connection: keep-alive']),
  },
  {
    name: 'upstream of HTTP/1.0',
    answers: answered('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'),
    steps: again(get),
  },
  {
    name: 'upstream of HTTP/1.0 with keep-alive',
    answers: answered('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok'),
    steps: again(get),
  },
  {
    name: 'Connection: close of the upstream',
    answers: answered(response('200 OK', ['Connection: close'], 'ok'), 'fin'),
    steps: again(get),
  },
  {
    name: 'Connection: close of an upstream that stays',
    answers: answered(response('200 OK', ['Connection: close'], 'ok')),
    steps: again(get),
  },
  {
    name: 'hop-by-hop fields of the upstream',
    answers: answered(
      response('200 OK', [
        'Connection: X-Hop',
        'X-Hop: 1',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: x',
        'Proxy-Authenticate: Basic',
        'X-End: 1',
      ]),
    ),
    steps: again(get),
  },
  {
    name: 'Upgrade offered by the upstream',
    answers: answered(response('200 OK', ['Upgrade: h2c', 'Connection: Upgrade'], 'ok')),
    steps: again(get),
  },
  {
    name: 'set-cookie on two lines',
    answers: answered(response('200 OK', ['Set-Cookie: a=1; Path=/', 'Set-Cookie: b=2'])),
    steps: get,
  },
  {
    name: 'fields with odd values',
    answers: answered(response('200 OK', ['X-Empty:', 'X-Latin: \xe9', 'X-Pad:   a \t'])),
    steps: get,
  },
  {
    name: 'Date and Server of the upstream',
    answers: answered(response('200 OK', ['Date: Mon, 01 Jan 2024 00:00:00 GMT', 'Server: origin'])),
    steps: get,
  },
  {
    name: 'response body of 1 MiB',
    answers: answered(response('200 OK', [], 'z'.repeat(1_048_576))),
    steps: again(get),
  },
  {
    name: 'chunked body of 300 kB',
    answers: answered(
      response('200 OK', ['transfer-encoding: chunked'], `493e0\r\n${'z'.repeat(300_000)}\r\n0\r\n\r\n`),
    ),
    steps: again(get),
  },
  {
    name: 'response fields of 50 kB',
    answers: answered(
      response(
        '200 OK',
        Array.from({ length: 10 }, (_, index) => `X-${index}: ${'a'.repeat(5000)}`),
      ),
    ),
    steps: get,
  },
  {
    name: 'response fields of 100 kB',
    answers: answered(
      response(
        '200 OK',
        Array.from({ length: 20 }, (_, index) => `X-${index}: ${'a'.repeat(5000)}`),
      ),
    ),
    steps: get,
  },
  {
    name: '150 response fields',
    answers: answered(
      response(
        '200 OK',
        Array.from({ length: 150 }, (_, index) => `X-${index}: 1`),
      ),
    ),
    steps: get,
  },
  {
    name: '100 before the answer',
    answers: answered(`HTTP/1.1 100 Continue\r\n\r\n${response('200 OK', [], 'ok')}`),
    steps: again(get),
  },
  {
    name: '103 before the answer',
    answers: answered(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${response('200 OK', [], 'ok')}`),
    steps: again(get),
  },
  {
    name: '102 twice before the answer',
    answers: answered(`HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${response('200 OK', [], 'ok')}`),
    steps: again(get),
  },
  {
    name: '103 for HTTP/1.0',
    manager: http10,
    answers: answered(`HTTP/1.1 103 Early Hints\r\n\r\n${response('200 OK', [], 'ok')}`),
    steps: request('GET / HTTP/1.0', ['Host: app.test']),
  },
  { name: 'upstream closes at once', answers: [{ on: 'connect', end: 'fin' }], steps: get },
  { name: 'upstream closes behind the request', answers: [{ end: 'fin' }], steps: get },
  { name: 'upstream resets behind the request', answers: [{ end: 'reset' }], steps: get },
  {
    name: 'upstream closes in the middle of the head',
    answers: answered('HTTP/1.1 200 OK\r\nconte', 'fin'),
    steps: get,
  },
  {
    name: 'upstream closes in the middle of the body',
    answers: answered('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', 'fin'),
    steps: get,
  },
  {
    name: 'upstream closes in the middle of a chunk',
    answers: answered('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab', 'fin'),
    steps: get,
  },
  {
    name: 'upstream closes before the last chunk',
    answers: answered('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n', 'fin'),
    steps: get,
  },
  {
    name: 'upstream closes an idle connection',
    steps: [
      send(get),
      awaitResponses(1),
      upstreamEnd('fin'),
      upstreamClosed,
      send(request('GET /2')),
      awaitResponses(2),
      askAgain,
    ],
  },
  {
    name: 'upstream answers before the body is there',
    answers: [{ on: 'head', send: response('200 OK', [], 'early') }],
    steps: [send(request('POST /', ['Content-Length: 10'], 'abc')), awaitResponses(), askAgain],
  },
  {
    name: 'upstream answers early with 413 and closes',
    answers: [{ on: 'head', send: response('413 Too Large', ['Connection: close']), end: 'fin' }],
    steps: [send(request('POST /', ['Content-Length: 10'], 'abc')), awaitResponses(), askAgain],
  },
  {
    name: 'upstream answers early and the body follows',
    answers: [{ on: 'head', send: 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc' }],
    steps: [
      send(request('POST /', ['Content-Length: 6'], 'abc')),
      received('abc'),
      send('def'),
      upstreamGot('def'),
      upstreamSend('def'),
      awaitResponses(),
      askAgain,
    ],
  },
  {
    name: 'websocket',
    manager: upgrade,
    answers: answered(switching),
    steps: [
      send(websocket),
      received('101'),
      send('ping'),
      upstreamGot('ping'),
      upstreamSend('pong'),
      received('pong'),
      upstreamEnd('fin'),
      closed,
    ],
  },
  {
    name: 'websocket that the upstream refuses',
    manager: upgrade,
    answers: answered(response('403 Forbidden', [], 'no')),
    steps: websocket,
  },
  {
    name: 'websocket answered with 200',
    manager: upgrade,
    answers: answered(response('200 OK', [], 'no')),
    steps: [send(websocket), awaitResponses(), askAgain],
  },
  { name: 'websocket that is not configured', steps: websocket },
  {
    name: 'websocket bytes ahead of the answer',
    manager: upgrade,
    answers: [{ on: 'head' }],
    steps: [
      send(`${websocket}early`),
      upstreamGot('GET /chat'),
      upstreamSend(switching),
      upstreamGot('early'),
      upstreamEnd('fin'),
      closed,
    ],
  },
  {
    name: 'websocket of which the client leaves',
    manager: upgrade,
    answers: answered(switching),
    steps: [send(websocket), received('101'), { kind: 'fin' }, upstreamClosed],
  },
  { name: '101 that nobody asked for', answers: answered(switching), steps: get },
  {
    name: 'h2c upgrade is ignored',
    steps: request('GET /', [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
    ]),
  },
  { name: 'Upgrade without Connection', manager: upgrade, steps: request('GET /', ['Upgrade: websocket']) },
  { name: 'CONNECT', steps: request('CONNECT app.test:443 HTTP/1.1', ['Host: app.test:443']) },
]
