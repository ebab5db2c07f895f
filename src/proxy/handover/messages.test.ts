import { describe, expect, test } from 'bun:test'

import { parseAnswer, parseMessage } from './messages.ts'

const socket = { protocol: 'tcp', name: 'l', address: '::', port: 80 }

describe('parseMessage()', () => {
  test.each([
    { say: 'hello', pid: 12 },
    { say: 'take', socket },
    { say: 'release', socket: { ...socket, port: 0 } },
    { say: 'ready' },
    { say: 'failed', reason: 'no port' },
  ])('reads %j', (message) => {
    expect(parseMessage(JSON.stringify(message))).toMatchObject(message)
  })

  test.each([
    '',
    '[]',
    'null',
    '{"say":"else"}',
    '{"say":"hello","pid":0}',
    '{"say":"hello","pid":1.5}',
    '{"say":"hello","pid":1e999}',
    '{"say":"failed"}',
    // A text cannot be made of it.
    '{"say":"failed","reason":{"toString":1,"valueOf":1}}',
    ...[-1, 0.5, 65_536, '80', null].map((port) => JSON.stringify({ say: 'take', socket: { ...socket, port } })),
    JSON.stringify({ say: 'take', socket: { ...socket, protocol: 'sctp' } }),
  ])('takes %s for no message', (line) => {
    expect(parseMessage(line)).toBeUndefined()
  })

  test('parseAnswer() leaves out a port that cannot be one', () => {
    expect(parseAnswer('{"port":80,"error":"e"}')).toEqual({ port: 80, error: 'e' })
    for (const port of ['-1', '0.5', '1e999', '65536']) expect(parseAnswer(`{"port":${port}}`)).toEqual({})
  })
})
