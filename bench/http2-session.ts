/**
 * `bun bench/http2-session.ts`: microseconds that an exchange takes in two HTTP/2 sessions, a client and a server wired back to back in
 * memory: heads only, a small body, a body of many frames. Both sides and both directions of HPACK are in the figure.
 */
import { type HpackEncoder, Http2Session, type SessionOwner, type StreamOwner } from '../src/wire/http2/index.ts'

const rounds = 7
const exchanges = 10_000
const concurrent = 16

class Pair {
  readonly client: Http2Session
  readonly server: Http2Session
  readonly #body: Buffer
  #done = 0
  #opened = 0

  constructor(bodyBytes: number) {
    this.#body = Buffer.alloc(bodyBytes, 'x')
    const now = (): number => performance.now()
    this.server = new Http2Session('server', this.#owner(this.#answering()), { now })
    this.client = new Http2Session('client', this.#owner(this.#asking()), { now })
    this.client.start()
    this.server.start()
    this.#carry()
  }

  /** Runs so many exchanges, a few at a time. */
  run(count: number): void {
    const end = this.#done + count
    while (this.#done < end) {
      for (let stream = 0; stream < concurrent; stream += 1) this.#ask()
      this.#carry()
    }
  }

  #ask(): void {
    const stream = this.client.open(this.#asker)
    const encoder = this.client.beginHead()
    this.#opened += 1
    fields(encoder, [
      ':method',
      'GET',
      ':scheme',
      'http',
      ':authority',
      'reviews:9080',
      ':path',
      `/reviews/${this.#opened % 1000}`,
    ])
    fields(encoder, ['user-agent', 'wrk', 'accept', '*/*', 'x-forwarded-proto', 'http'])
    this.client.endHead(stream, true)
  }

  readonly #asker: StreamOwner = this.#asking()

  #asking(): StreamOwner {
    return {
      onHeaders: (_, __, endStream) => void (this.#done += endStream ? 1 : 0),
      onData: (stream, _, start, end, endStream) => {
        this.client.consume(stream, end - start)
        if (endStream) this.#done += 1
      },
      ...rest,
    }
  }

  #answering(): StreamOwner {
    return {
      onHeaders: (stream) => {
        const encoder = this.server.beginHead()
        fields(encoder, [':status', '200', 'content-type', 'text/plain', 'content-length', String(this.#body.length)])
        this.server.endHead(stream, this.#body.length === 0)
        if (this.#body.length > 0) this.server.sendData(stream, this.#body, 0, this.#body.length, true)
      },
      onData: () => undefined,
      ...rest,
    }
  }

  #owner(streams: StreamOwner): SessionOwner {
    return {
      onStream: () => streams,
      onOutput: () => undefined,
      onCapacity: () => undefined,
      onGoaway: () => undefined,
      onIdle: () => undefined,
      onFailure: (_, counter) => {
        throw new Error(counter)
      },
    }
  }

  #carry(): void {
    while (this.client.outputLength > 0 || this.server.outputLength > 0) {
      move(this.client, this.server)
      move(this.server, this.client)
    }
  }
}

const rest = {
  onTrailers: () => undefined,
  onWritable: () => undefined,
  onReset: () => {
    throw new Error('A stream is reset')
  },
}

function fields(encoder: HpackEncoder, pairs: readonly string[]): void {
  for (let index = 0; index < pairs.length; index += 2) encoder.field(pairs[index] ?? '', pairs[index + 1] ?? '')
}

function move(from: Http2Session, to: Http2Session): void {
  const bytes = Buffer.from(from.output.subarray(0, from.outputLength))
  from.clearOutput()
  to.receive(bytes, 0, bytes.length)
}

for (const [title, bodyBytes, count] of [
  ['heads only', 0, exchanges],
  ['body of 1 KiB', 1024, exchanges],
  ['body of 100 KiB', 102_400, exchanges / 20],
] as const) {
  const pair = new Pair(bodyBytes)
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now()
    pair.run(count)
    times.push(((performance.now() - start) * 1000) / count)
  }
  const median = times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0
  console.log(`${title.padEnd(20)} ${median.toFixed(2).padStart(8)} us for each exchange`)
}
