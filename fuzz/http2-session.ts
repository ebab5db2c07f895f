import {
  connectionPreface,
  type FieldBlock,
  FrameWriter,
  HpackEncoder,
  Http2Session,
  type Http2Stream,
  type Role,
  type SessionOwner,
  type StreamOwner,
} from '../src/wire/http2/index.ts'
import { forEachCut } from './cuts.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'
import type { SeededRandom } from './mutate.ts'

const limits = { maxConcurrentStreams: 5, streamWindowBytes: 2000, outputBytes: 4000, outboundFrames: 500 }
const answer = Buffer.alloc(700, 'a')

/** Answers requests in ways that depend on their streams only, and checks what it is told. */
class Owner implements SessionOwner, StreamOwner {
  readonly log: string[] = []
  readonly session: Http2Session
  readonly #role: Role
  /** Streams that are over, or ended by the peer. */
  readonly #over = new Set<number>()
  readonly #ended = new Set<number>()
  #failed = false

  constructor(role: Role) {
    this.#role = role
    this.session = new Http2Session(role, this, { limits, now: () => 0, connectProtocol: true })
    this.session.start()
    if (role === 'server') return
    for (let count = 0; count < 4; count += 1) this.#request()
  }

  readonly onStream = (): StreamOwner => this
  readonly onOutput = (): void => undefined
  readonly onCapacity = (): void => undefined
  readonly onIdle = (): void => this.#note('idle')
  readonly onGoaway = (lastStreamId: number, errorCode: number): void =>
    this.#note(`goaway ${lastStreamId} ${errorCode}`)
  readonly onPong = (): void => this.#note('pong')
  readonly onWritable = (stream: Http2Stream): void => this.#note(`${stream.id} writable`, stream)
  readonly onFailure = (errorCode: number, counter: string): void => {
    expectThat(/^[a-z_]+$/.test(counter) && errorCode > 0, `failure ${errorCode} ${counter}`)
    expectThat(this.session.activeStreams === 0, 'streams are left after a failure')
    this.#note(`failure ${errorCode} ${counter}`)
    this.#failed = true
  }
  readonly onReset = (stream: Http2Stream, errorCode: number, byPeer: boolean): void => {
    this.#note(`${stream.id} reset ${errorCode} ${byPeer}`, stream)
    this.#over.add(stream.id)
    expectThat(stream.closed, 'a stream that was reset is not closed')
  }
  readonly onHeaders = (stream: Http2Stream, block: FieldBlock, endStream: boolean): void => {
    this.#note(`${stream.id} head ${block.names.length} ${endStream}`, stream)
    this.#checkFields(block)
    if (endStream) this.#end(stream)
    if (this.#role === 'server') this.#answer(stream)
  }
  readonly onData = (stream: Http2Stream, bytes: Buffer, start: number, end: number, endStream: boolean): void => {
    if (endStream) this.#note(`${stream.id} end`, stream)
    this.#checkTold(stream)
    if (endStream) this.#end(stream)
    expectThat(start >= 0 && start <= end && end <= bytes.length, `DATA at ${start} to ${end}`)
    if ((stream.id & 2) === 0) this.session.consume(stream, end - start)
  }
  readonly onTrailers = (stream: Http2Stream, block: FieldBlock): void => {
    this.#note(`${stream.id} trailers ${block.names.length}`, stream)
    this.#end(stream)
    this.#checkFields(block)
    expectThat(!block.names.some((name) => name.startsWith(':')), 'a pseudo-field in trailers')
  }

  #end(stream: Http2Stream): void {
    expectThat(!this.#ended.has(stream.id), 'a stream ends twice')
    this.#ended.add(stream.id)
  }

  #request(): void {
    const stream = this.session.open(this)
    const encoder = this.session.beginHead()
    for (const [name, value] of [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':authority', 'a'],
      [':path', '/'],
    ] as const) {
      encoder.field(name, value)
    }
    this.session.endHead(stream, false)
    this.session.sendData(stream, answer, 0, answer.length, (stream.id & 2) === 0)
  }

  #answer(stream: Http2Stream): void {
    if (stream.id % 5 === 3) {
      this.session.reset(stream, 8)
      this.#over.add(stream.id)
      return
    }
    this.session.beginHead().field(':status', '200')
    this.session.endHead(stream, false)
    this.session.sendData(stream, answer, 0, answer.length, false)
    if (stream.id % 3 === 0) this.session.sendTrailers(stream, ['x'], ['y'])
    else this.session.sendData(stream, answer, 0, stream.id % 7, true)
  }

  #checkTold(stream: Http2Stream): void {
    expectThat(!this.#over.has(stream.id), 'something is told after a reset')
    expectThat(!this.#failed, 'something is told after a failure')
  }

  #checkFields({ names, values, tooLarge }: FieldBlock): void {
    for (const [index, name] of names.entries()) {
      expectThat(/^:?[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name), `field name ${name}`)
      expectThat(
        /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/.test(values[index] ?? ''),
        'field value',
      )
    }
    if (tooLarge || this.#role === 'client') return
    const of = (name: string): string[] => values.filter((_, index) => names[index] === name)
    expectThat(
      of(':method').length <= 1 && of(':path').every((path) => /^(?:\/[!-~]*|\*)$/.test(path)),
      'pseudo-fields',
    )
  }

  #note(event: string, stream?: Http2Stream): void {
    expectThat(!this.#failed, `${event} is told after a failure`)
    if (stream !== undefined) this.#checkTold(stream)
    this.log.push(event)
  }
}

function play(role: Role, input: Buffer, next: () => number): Owner {
  const owner = new Owner(role)
  const { session } = owner
  for (let position = 0; position < input.length;) {
    const end = Math.min(input.length, position + next())
    const piece = Buffer.from(input.subarray(position, end))
    session.receive(piece, 0, piece.length)
    piece.fill(0xee)
    position = end
    expectThat(session.activeStreams <= limits.maxConcurrentStreams, `${session.activeStreams} streams`)
    expectThat(session.outputLength < 200_000, `${session.outputLength} octets of output`)
  }
  return owner
}

function finish({ session }: Owner): void {
  session.clearOutput()
  session.destroy(8)
  expectThat(session.activeStreams === 0 && session.outputLength === 0, 'something is left at the end')
}

function compare(role: Role, input: Buffer, random: SeededRandom, thorough: boolean): string {
  const whole = play(role, input, () => input.length)
  const text = whole.log.join()
  finish(whole)
  forEachCut(input.length, random, thorough, (nextLength) => {
    const pieces = play(role, input, nextLength)
    const inPieces = pieces.log.join()
    expectThat(text === inPieces, `other events in pieces: ${text} and ${inPieces}`)
    finish(pieces)
  })
  return text
}

function seed(write: (frames: FrameWriter, block: (...lines: string[]) => Buffer) => void, client = true): Buffer {
  const frames = new FrameWriter()
  const encoder = new HpackEncoder()
  if (client) frames.preface()
  frames.settings([{ id: 4, value: 1000 }])
  frames.settingsAck()
  write(frames, (...lines) => {
    encoder.begin()
    for (const line of lines) encoder.field(line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1))
    return Buffer.from(encoder.bytes.subarray(0, encoder.length))
  })
  return Buffer.from(frames.bytes.subarray(0, frames.length))
}

const get = [':method=GET', ':scheme=http', ':path=/', ':authority=a']

/** Octets of a connection, given to a server, or to a client with four open requests. */
export const http2Session: FuzzTarget = {
  name: 'http2-session',
  seeds: [
    seed((frames, block) => {
      for (const id of [1, 3, 5, 7]) frames.headers(id, block(...get, 'x-a=b'), { endStream: true })
      frames.windowUpdate(0, 3000)
      frames.windowUpdate(1, 3000)
    }),
    seed((frames, block) => {
      frames.headers(1, block(':method=POST', ...get.slice(1), 'content-length=4'))
      frames.data(1, Buffer.from('ab'))
      frames.data(1, Buffer.from('cd'))
      frames.headers(1, block('x-sum=1'), { endStream: true })
      frames.rstStream(1, 8)
      frames.ping(Buffer.alloc(8))
      frames.goaway(0, 0)
    }),
    seed((frames, block) => {
      frames.headers(1, block(':method=CONNECT', ':protocol=websocket', ...get.slice(1)))
      frames.data(1, Buffer.alloc(1500))
      frames.data(1, Buffer.alloc(900))
      frames.settings([{ id: 4, value: 0 }])
      frames.settings([{ id: 4, value: 3000 }])
      frames.headers(9, block(...get, 'host=a', 'te=trailers'), { endStream: true })
    }),
    seed((frames, block) => {
      for (const id of [1, 3, 5]) frames.headers(id, block(':status=103'))
      for (const id of [1, 3, 5]) frames.headers(id, block(':status=200', 'content-length=5'))
      frames.data(1, Buffer.from('hello'), { endStream: true })
      frames.windowUpdate(3, 10)
      frames.goaway(3, 0)
      frames.rstStream(3, 7)
    }, false),
  ],
  dictionary: [
    '\0\0\0\x04\x01\0\0\0\0',
    '\0\0\x04\x08\0\0\0\0\x01\0\0\0\x01',
    '\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08',
    '\0\0\x05\x02\0\0\0\0\x03\0\0\0\x01\x10',
    '\0\0\0\0\x01\0\0\0\x01',
    '\0\0\0\x09\x04\0\0\0\x01',
    '\0\0\x03\x01\x05\0\0\0\x03\x82\x86\x84',
    '\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0',
    connectionPreface,
  ],
  run: (input, random, thorough) =>
    `${compare('server', input, random, thorough)} ${compare('client', input, random, thorough)}`.slice(0, 300),
}

if (import.meta.main) await fuzzFromCommandLine(http2Session)
