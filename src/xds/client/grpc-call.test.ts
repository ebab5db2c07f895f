import { afterEach, expect, test } from 'bun:test'
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTcpServer, type Server } from 'node:net'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import { plaintextCredentials } from './channel-credentials.ts'
import { type GrpcCall, type GrpcCallOptions, openGrpcCall } from './grpc-call.ts'
import { frameMessage } from './message-assembler.ts'

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

async function portOf(server: Http2Server | Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  open.push(() => server.close())
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('Expected a port')
  return address.port
}

/** A server that speaks gRPC by hand: another implementation of HTTP/2, and answers that no library would give. */
function serve(onStream: (stream: ServerHttp2Stream) => void): Promise<number> {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    onStream(stream)
  })
  server.on('session', (session) => open.push(() => session.destroy()))
  return portOf(server)
}

interface Outcome {
  readonly messages: string[]
  readonly ended: [code: number, text: string][]
  accepted: number
  readonly call: GrpcCall
}

function callTo(port: number, options: Partial<GrpcCallOptions> = {}): Outcome {
  const messages: string[] = []
  const ended: [number, string][] = []
  const call = openGrpcCall(
    {
      target: { address: `127.0.0.1:${port}`, credentials: plaintextCredentials },
      path: '/test.Echo/Talk',
      maxMessageBytes: 1000,
      ...options,
    },
    {
      onAccepted: () => {
        outcome.accepted += 1
      },
      onMessage: (message) => messages.push(message.toString()),
      onEnd: (code, text) => ended.push([code, text]),
    },
  )
  open.push(() => call.cancel())
  const outcome: Outcome = { messages, ended, accepted: 0, call }
  return outcome
}

const accepted = { ':status': 200, 'content-type': 'application/grpc+proto' }

test('openGrpcCall() sends messages in order, also those given before the connection is there, and reads answers and status', async () => {
  const port = await serve((stream) => {
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.respond(accepted, { waitForTrailers: true })
    stream.on('data', (bytes: Buffer) => stream.write(bytes))
    stream.on('end', () => stream.end())
  })
  const outcome = callTo(port)
  const { call, ended, messages } = outcome
  call.send(Buffer.from('early'))
  await waitUntil('first answer', () => messages.length === 1)
  call.send(Buffer.from('late'))
  call.end()
  await waitUntil('ended', () => ended.length > 0)
  expect(messages).toEqual(['early', 'late'])
  expect(ended).toEqual([[0, '0 OK']])
  expect(outcome.accepted).toBe(1)
  call.send(Buffer.from('after the end'))
})

test.each<[title: string, answer: (stream: ServerHttp2Stream) => void, code: number, text: string]>([
  [
    'a status at once, its message decoded',
    (stream) =>
      stream.respond({ ...accepted, 'grpc-status': '7', 'grpc-message': 'caf%C3%A9 100%25' }, { endStream: true }),
    7,
    '7 PERMISSION_DENIED: café 100%',
  ],
  ['an HTTP status', (stream) => stream.respond({ ':status': 503 }, { endStream: true }), 14, 'HTTP status 503'],
  [
    'something that is not gRPC',
    (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/html' })
      stream.end('<html>')
    },
    2,
    'text/html',
  ],
  [
    'an end without a status',
    (stream) => {
      stream.respond(accepted)
      stream.end(frameMessage(Buffer.from('x')))
    },
    13,
    'without a status',
  ],
  [
    'success within a message',
    (stream) => {
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.respond(accepted, { waitForTrailers: true })
      stream.end(frameMessage(Buffer.from('cut')).subarray(0, 6))
    },
    13,
    'within a message',
  ],
  [
    'a message that is too long',
    (stream) => {
      stream.respond(accepted)
      stream.write(frameMessage(Buffer.alloc(1001)))
    },
    8,
    'longer than 1000 bytes',
  ],
  [
    'a compressed message',
    (stream) => {
      stream.respond(accepted)
      stream.write(Buffer.from([1, 0, 0, 0, 0]))
    },
    13,
    'compressed',
  ],
])('openGrpcCall() ends with a status after %s', async (_, answer, code, text) => {
  const { ended } = callTo(await serve(answer))
  await waitUntil('ended', () => ended.length > 0)
  expect(ended[0]?.[0]).toBe(code)
  expect(ended[0]?.[1]).toContain(text)
  expect(ended).toHaveLength(1)
})

test('openGrpcCall() says why there is no connection', async () => {
  const server = createTcpServer()
  const port = await portOf(server)
  await new Promise((resolve) => server.close(resolve))
  const { ended } = callTo(port)
  await waitUntil('ended', () => ended.length > 0)
  expect(ended[0]?.[1]).toMatch(/^14 UNAVAILABLE: .*(ECONNREFUSED|connect)/)
})

test.each(['127.0.0.1:99999', '127.0.0.1:'])(
  'openGrpcCall() ends, and throws nothing, for the address %p',
  async (address) => {
    const { ended } = callTo(0, { target: { address, credentials: plaintextCredentials } })
    await waitUntil('ended', () => ended.length > 0)
    expect(ended[0]?.[0]).toBe(14)
  },
)

test('openGrpcCall() ends, and throws nothing, when the trust bundle is no certificate', async () => {
  const port = await serve(() => {})
  const credentials = {
    kind: 'tls',
    trustBundle: 'no PEM',
    certificate: undefined,
    checkServer: () => undefined,
  } as const
  const { ended } = callTo(port, { target: { address: `127.0.0.1:${port}`, credentials } })
  await waitUntil('ended', () => ended.length > 0)
  expect(ended[0]?.[0]).toBe(14)
})

test('openGrpcCall() says that the connection was closed', async () => {
  const port = await portOf(createTcpServer((socket) => socket.once('data', () => socket.end())))
  const { ended } = callTo(port)
  await waitUntil('ended', () => ended.length > 0)
  expect(ended).toEqual([[14, '14 UNAVAILABLE: The connection was closed']])
})

test('openGrpcCall() gives up a server that does not answer: by the deadline, and by PING', async () => {
  const port = await portOf(createTcpServer((socket) => open.push(() => socket.destroy())))
  const bounded = callTo(port, { deadlineMs: 50 })
  const watched = callTo(port, { keepaliveMs: 50 })
  await waitUntil('both ended', () => bounded.ended.length > 0 && watched.ended.length > 0)
  expect(bounded.ended).toEqual([[4, '4 DEADLINE_EXCEEDED: No answer within 50 ms']])
  expect(watched.ended).toEqual([[14, '14 UNAVAILABLE: The server does not answer']])
})

test('openGrpcCall() stays while a silent server answers PING', async () => {
  let pings = 0
  const server = createServer()
  server.on('session', (session) => {
    session.on('ping', () => {
      pings += 1
    })
    open.push(() => session.destroy())
  })
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    stream.respond(accepted)
  })
  const { ended } = callTo(await portOf(server), { keepaliveMs: 20 })
  await waitUntil('several pings', () => pings >= 4)
  expect(ended).toEqual([])
})

test('cancel() resets the stream and closes the connection, and tells nothing more', async () => {
  const closed: number[] = []
  const port = await serve((stream) => {
    stream.on('close', () => closed.push(stream.rstCode ?? 0))
    stream.respond(accepted)
  })
  const outcome = callTo(port)
  await waitUntil('accepted', () => outcome.accepted === 1)
  outcome.call.cancel()
  await waitUntil('closed at the server', () => closed.length === 1)
  expect(closed).toEqual([8])
  expect(outcome.ended).toEqual([])
})
