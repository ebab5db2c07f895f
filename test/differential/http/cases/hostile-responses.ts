import { askAgain, awaitResponses, type HttpCase, request, response, send } from '../case.ts'

/** Octets that an upstream sends and the proxy answers for: a second request on the client's connection must get its own answer. */
const badAnswers: readonly (readonly [name: string, bytes: string])[] = [
  ['text that is no HTTP', 'hello there\r\n\r\n'],
  ['HTTP/0.9', '<html></html>'],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['status of two digits', 'HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n'],
  ['status of four digits', 'HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n'],
  ['status 099', 'HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n'],
  ['status 600', 'HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n'],
  ['status 999', 'HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'],
  [
    'both length and encoding',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokx'],
  ['two equal lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: 2x\r\n\r\nok'],
  ['a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok'],
  ['an unknown encoding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok'],
  [
    'chunked twice',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  ['a bad chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nok\r\n0\r\n\r\n'],
  ['a chunk longer than its size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n'],
  ['a folded field', 'HTTP/1.1 200 OK\r\nx-a: b\r\n c\r\ncontent-length: 2\r\n\r\nok'],
  ['bare LF', 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok'],
  ['NUL in a value', 'HTTP/1.1 200 OK\r\nx-a: b\0c\r\ncontent-length: 2\r\n\r\nok'],
  ['CR in a value', 'HTTP/1.1 200 OK\r\nx-a: b\rc\r\ncontent-length: 2\r\n\r\nok'],
  ['blank before the colon', 'HTTP/1.1 200 OK\r\nx-a : b\r\ncontent-length: 2\r\n\r\nok'],
  ['a field without colon', 'HTTP/1.1 200 OK\r\nx-a\r\ncontent-length: 2\r\n\r\nok'],
  ['a body behind 204', 'HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok'],
  ['a chunked 204', 'HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['a body behind 304', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\nok'],
  ['a second response nobody asked for', response('200 OK', [], 'ok') + response('200 OK', ['x-poison: 1'], 'poison')],
  ['more body than its length', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokpoison'],
  ['many 1xx', `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(60)}${response('200 OK', [], 'ok')}`],
  ['1xx with a length', `HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\n${response('200 OK', [], 'ok')}`],
  ['an empty line before the status', `\r\n${response('200 OK', [], 'ok')}`],
  ['encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['a bad trailer', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nbad trailer\r\n\r\n'],
]

/** Broken and malicious upstreams. */
export const hostileResponses: readonly HttpCase[] = [
  ...badAnswers.map(([name, bytes]): HttpCase => ({
    name: `upstream sends ${name}`,
    hostile: true,
    answers: [{ send: bytes }, { send: response('200 OK', ['x-second: 1'], 'second') }],
    steps: [send(request('GET /1')), awaitResponses(1), send(request('GET /2')), awaitResponses(2), askAgain],
  })),
  {
    name: 'upstream sends a body behind the answer to HEAD',
    hostile: true,
    heads: [0],
    answers: [{ send: response('200 OK', [], 'ok') }, { send: response('200 OK', ['x-second: 1'], 'second') }],
    steps: [send(request('HEAD /1')), awaitResponses(1), send(request('GET /2')), awaitResponses(2), askAgain],
  },
  {
    name: 'upstream sends a response before the request',
    hostile: true,
    answers: [
      { on: 'connect', send: response('200 OK', ['x-poison: 1'], 'poison') },
      { send: response('200 OK', ['x-second: 1'], 'second') },
    ],
    steps: [send(request('GET /1')), awaitResponses(1), send(request('GET /2')), awaitResponses(2), askAgain],
  },
]
