import { expect, test } from 'bun:test'
import http2 from 'node:http2'
import net from 'node:net'

import type { FieldBlock } from '../hpack/field-block.ts'
import type { StreamOwner } from './contract.ts'
import { Http2Session } from './session.ts'
import { textOf } from './session-recorder.fixture.ts'
import type { Http2Stream } from './stream.ts'

const quiet = { onCapacity: () => undefined, onGoaway: () => undefined, onIdle: () => undefined }

/** Puts a session on a socket. */
function drive(socket: net.Socket, session: Http2Session): { flush: () => void } {
  let due = false
  socket.on('data', (bytes: Buffer) => session.receive(bytes, 0, bytes.length))
  socket.on('drain', () => session.setWritable(true))
  socket.on('error', () => session.destroy(2))
  socket.on('close', () => session.destroy(8))
  return {
    flush(): void {
      if (due) return
      due = true
      queueMicrotask(() => {
        due = false
        const bytes = Buffer.from(session.output.subarray(0, session.outputLength))
        if (!socket.write(bytes)) session.setWritable(false)
        session.clearOutput()
      })
    },
  }
}

/** Answers each request by its own body, with trailers. */
function echoServer(): Promise<{ port: number; failures: string[]; close: () => void }> {
  const failures: string[] = []
  const server = net.createServer((socket) => {
    let flush = (): void => undefined
    const owner: StreamOwner = {
      onHeaders(stream, _, endStream) {
        const encoder = session.beginHead()
        encoder.field(':status', '200')
        encoder.field('x-echo', 'yes')
        session.endHead(stream, false)
        if (endStream) session.sendTrailers(stream, ['x-sum'], ['0'])
      },
      onData(stream, bytes, start, end, endStream) {
        session.sendData(stream, bytes, start, end, false)
        session.consume(stream, end - start)
        if (endStream) session.sendTrailers(stream, ['x-sum'], ['1'])
      },
      onTrailers: (stream) => session.sendTrailers(stream, ['x-sum'], ['2']),
      onReset: () => undefined,
      onWritable: () => undefined,
    }
    const session: Http2Session = new Http2Session(
      'server',
      {
        ...quiet,
        onStream: () => owner,
        onOutput: () => flush(),
        onFailure: (code, counter) => void failures.push(`${code} ${counter}`),
      },
      { now: () => 0 },
    )
    flush = drive(socket, session).flush
    session.start()
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      resolve({ port, failures, close: () => server.close() })
    })
  })
}

test('a client of node:http2 talks to a server session', async () => {
  const { port, failures, close } = await echoServer()
  const client = http2.connect(`http://127.0.0.1:${port}`)
  const body = Buffer.alloc(300_000, 'abcdefghij')
  const one = async (size: number): Promise<string> => {
    const request = client.request({ ':method': 'POST', ':path': `/${size}` })
    const chunks: Buffer[] = []
    const done = new Promise<string>((resolve, reject) => {
      let head = ''
      let trailers = ''
      request.on('response', (fields) => {
        head = [fields[':status'], fields['x-echo']].join(' ')
      })
      request.on('trailers', (fields) => {
        trailers = [fields['x-sum']].join()
      })
      request.on('data', (chunk: Buffer) => void chunks.push(chunk))
      request.on('end', () => resolve(`${head} ${Buffer.concat(chunks).equals(body.subarray(0, size))} ${trailers}`))
      request.on('error', reject)
    })
    request.end(body.subarray(0, size))
    return await done
  }
  try {
    const sizes = [1, 10, 16_384, 65_536, 300_000, ...Array.from({ length: 60 }, (_, index) => index * 1000 + 1)]
    expect(await Promise.all(sizes.map(one))).toEqual(sizes.map(() => '200 yes true 1'))
    expect(failures).toEqual([])
  } finally {
    client.close()
    close()
  }
})

test('a client session talks to a server of node:http2', async () => {
  const server = http2.createServer()
  server.on('stream', (stream: http2.ServerHttp2Stream, fields: http2.IncomingHttpHeaders) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'x-path': fields[':path'] ?? '' })
      stream.end(Buffer.concat(chunks))
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  const socket = net.connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  const failures: string[] = []
  let flush = (): void => undefined
  let room = (): void => undefined
  const session: Http2Session = new Http2Session(
    'client',
    {
      ...quiet,
      onCapacity: () => room(),
      onStream: () => {
        throw new Error('A client was opened a stream')
      },
      onOutput: () => flush(),
      onFailure: (code, counter) => void failures.push(`${code} ${counter}`),
    },
    { now: () => 0 },
  )
  flush = drive(socket, session).flush
  session.start()
  const body = Buffer.alloc(200_000, 'abcdefghij')
  const answer = (size: number): Promise<string> =>
    new Promise((resolve) => {
      let head = ''
      const chunks: Buffer[] = []
      const owner: StreamOwner = {
        onHeaders: (_: Http2Stream, block: FieldBlock) => {
          head = textOf(block).split(' date=')[0] ?? ''
        },
        onData: (stream, bytes, start, end, endStream) => {
          chunks.push(Buffer.from(bytes.subarray(start, end)))
          session.consume(stream, end - start)
          if (endStream) resolve(`${head} ${Buffer.concat(chunks).equals(body.subarray(0, size))}`)
        },
        onTrailers: () => undefined,
        onReset: (_, code) => resolve(`reset ${code}`),
        onWritable: () => undefined,
      }
      const stream = session.open(owner)
      const encoder = session.beginHead()
      encoder.field(':method', 'POST')
      encoder.field(':scheme', 'http')
      encoder.field(':authority', 'localhost')
      encoder.field(':path', `/${size}`)
      session.endHead(stream, false)
      session.sendData(stream, body, 0, size, true)
    })
  try {
    const sizes = [1, 16_384, 65_536, 200_000, ...Array.from({ length: 150 }, (_, index) => 100 * index + 1)]
    const answers: Promise<string>[] = []
    await new Promise<void>((resolve) => {
      room = () => {
        while (answers.length < sizes.length && session.capacity > 0) answers.push(answer(sizes[answers.length] ?? 0))
        if (answers.length === sizes.length) resolve()
      }
      room()
    })
    expect(await Promise.all(answers)).toEqual(sizes.map((size) => `:status=200 x-path=/${size} true`))
    expect(failures).toEqual([])
    expect(session.activeStreams).toBe(0)
  } finally {
    socket.destroy()
    server.close()
  }
})
