import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'

import {
  connectionPreface,
  ErrorCode,
  FrameEvent,
  type FrameLimits,
  FrameReader,
  FrameWriter,
  type Role,
  SettingId,
} from '../index.ts'
import { FrameFlag, FrameType } from './frame-type.ts'

const eventNames = new Map<number, string>(Object.entries(FrameEvent).map(([name, event]) => [event, name]))
const errorNames = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]))

function frame(type: number, flags: number, streamId: number, payload: string | Buffer = ''): Buffer {
  const octets = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload
  const header = Buffer.alloc(9)
  header.writeUIntBE(octets.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, octets])
}

const settings = frame(FrameType.settings, 0, 0)
const start = Buffer.concat([Buffer.from(connectionPreface), settings])

/** One event as text; pieces of data and their flow are joined by `read`. */
function describeEvent(event: FrameEvent, reader: FrameReader): string {
  const payload = (): string => reader.bytes.toString('latin1', reader.dataStart, reader.dataEnd)
  const error = errorNames.get(reader.errorCode) ?? reader.errorCode
  switch (event) {
    case FrameEvent.data:
      return `data ${reader.streamId} ${reader.endStream ? 'end' : 'open'}`
    case FrameEvent.headers:
      return `headers ${reader.streamId} ${reader.endStream ? 'end' : 'open'} ${error} ${payload()}`
    case FrameEvent.settings:
      return `settings ${JSON.stringify(reader.settings)}`
    case FrameEvent.ping:
    case FrameEvent.pingAck:
      return `${eventNames.get(event)} ${payload()}`
    case FrameEvent.goaway:
      return `goaway ${reader.lastStreamId} ${error} ${payload()}`
    case FrameEvent.windowUpdate:
      return `windowUpdate ${reader.streamId} ${reader.increment}`
    case FrameEvent.unknown:
      return `unknown ${reader.frameType} ${reader.streamId}`
    case FrameEvent.streamError:
      return `streamError ${reader.streamId} ${error} ${reader.flowBytes}`
    case FrameEvent.connectionError:
      return `connectionError ${error}`
    case FrameEvent.rstStream:
      return `rstStream ${reader.streamId} ${error}`
    default:
      return `${eventNames.get(event)} ${reader.streamId}`
  }
}

/** Events of octets that come in these chunks; pieces of one DATA frame are one event: `data ID OPEN|END FLOW PAYLOAD`. */
function read(reader: FrameReader, chunks: readonly Buffer[]): readonly string[] {
  const events: string[] = []
  let payload = ''
  let flow = 0
  for (const chunk of chunks) {
    let position = 0
    for (;;) {
      const event = reader.next(chunk, position)
      position = reader.position
      if (event === FrameEvent.more) break
      if (event === FrameEvent.data) {
        if (reader.flowBytes > 0) [payload, flow] = ['', reader.flowBytes]
        payload += reader.bytes.toString('latin1', reader.dataStart, reader.dataEnd)
        if (
          events.at(-1)?.startsWith(`data ${reader.streamId} open ${flow} `) === true &&
          reader.flowBytes === 0 &&
          flow > 0
        ) {
          events.pop()
        }
        events.push(`${describeEvent(event, reader)} ${flow} ${payload}`)
        if (reader.endStream) [payload, flow] = ['', 0]
        continue
      }
      events.push(describeEvent(event, reader))
      if (event === FrameEvent.connectionError) return events
    }
    expect(position).toBe(chunk.length)
  }
  return events
}

function afterStart(octets: Buffer, limits: Partial<FrameLimits> = {}, role: Role = 'client'): readonly string[] {
  const [first, ...rest] = read(new FrameReader(role, limits), [
    Buffer.concat([role === 'server' ? start : settings, octets]),
  ])
  expect(first).toBe('settings []')
  return rest
}

const wholeConversation: readonly (readonly [octets: Buffer, event: string])[] = [
  [
    frame(FrameType.settings, 0, 0, '0004 00010000 4242 00000007'),
    `settings [{"id":4,"value":65536},{"id":16962,"value":7}]`,
  ],
  [frame(FrameType.settings, FrameFlag.ack, 0), 'settingsAck 0'],
  [frame(FrameType.headers, FrameFlag.endHeaders, 1, Buffer.from('block')), 'headers 1 open noError block'],
  [frame(FrameType.data, 0, 1, Buffer.from('hello')), 'data 1 open 5 hello'],
  [frame(FrameType.data, FrameFlag.padded, 1, '03 6869 000000'), 'data 1 open 6 hi'],
  [
    frame(
      FrameType.headers,
      FrameFlag.endHeaders | FrameFlag.padded | FrameFlag.priority | FrameFlag.endStream,
      3,
      '02 80000001 10 6262 0000',
    ),
    'headers 3 end noError bb',
  ],
  [
    Buffer.concat([
      frame(FrameType.headers, FrameFlag.endStream, 5, Buffer.from('one,')),
      frame(FrameType.continuation, 0, 5, Buffer.from('two,')),
      frame(FrameType.continuation, 0, 5),
      frame(FrameType.continuation, FrameFlag.endHeaders, 5, Buffer.from('three')),
    ]),
    'headers 5 end noError one,two,three',
  ],
  [
    frame(FrameType.headers, FrameFlag.endHeaders | FrameFlag.priority, 7, '00000007 10 61'),
    'headers 7 open protocolError a',
  ],
  [frame(FrameType.priority, 0, 9, '00000000 10'), 'priority 9'],
  [frame(FrameType.priority, 0, 9, '00000009 10'), 'streamError 9 protocolError 0'],
  [frame(FrameType.priority, 0, 9, '00000000'), 'streamError 9 frameSizeError 0'],
  [frame(FrameType.windowUpdate, 0, 0, '80000005'), 'windowUpdate 0 5'],
  [frame(FrameType.windowUpdate, 0, 1, '7fffffff'), 'windowUpdate 1 2147483647'],
  [frame(FrameType.windowUpdate, 0, 1, '80000000'), 'streamError 1 protocolError 0'],
  [frame(FrameType.ping, 0, 0, Buffer.from('pingpong')), 'ping pingpong'],
  [frame(FrameType.ping, FrameFlag.ack, 0, Buffer.from('pongping')), 'pingAck pongping'],
  [frame(0xfa, 0xff, 11, Buffer.from('whatever')), 'unknown 250 11'],
  [frame(FrameType.data, FrameFlag.padded, 1), 'streamError 1 frameSizeError 0'],
  [frame(FrameType.rstStream, 0, 3, '00000008'), 'rstStream 3 cancel'],
  [frame(FrameType.data, FrameFlag.endStream, 0x8000_0001, Buffer.from('bye')), 'data 1 end 3 bye'],
  [frame(FrameType.data, FrameFlag.endStream, 13), 'data 13 end 0 '],
  [frame(FrameType.goaway, 0, 0, '80000007 0000000b 6162'), 'goaway 7 enhanceYourCalm ab'],
]
const octets = Buffer.concat([start, ...wholeConversation.map(([one]) => one)])
const events = ['settings []', ...wholeConversation.map(([, event]) => event)]

describe('FrameReader', () => {
  test('next() gives the events of a conversation', () => {
    expect(read(new FrameReader('server'), [octets])).toEqual(events)
  })

  test('next() gives the same events wherever the octets are cut in two', () => {
    for (let cut = 0; cut <= octets.length; cut += 1) {
      expect(read(new FrameReader('server'), [octets.subarray(0, cut), octets.subarray(cut)])).toEqual(events)
    }
  })

  test('next() gives the same events octet by octet', () => {
    const chunks = Array.from(octets, (_, index) => octets.subarray(index, index + 1))
    expect(read(new FrameReader('server'), chunks)).toEqual(events)
  })

  test('next() gives the same events in any chunks', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: octets.length }), { maxLength: 30 })
    fc.assert(
      fc.property(cuts, (unsorted) => {
        const ends = [0, ...unsorted.toSorted((a, b) => a - b), octets.length]
        const chunks = ends.slice(1).map((end, index) => octets.subarray(ends[index], end))
        expect(read(new FrameReader('server'), chunks)).toEqual(events)
      }),
    )
  })

  test('next() skips DATA that is too long and counts it for flow control', () => {
    const long = Buffer.concat([
      frame(FrameType.data, 0, 1, Buffer.alloc(16_385)),
      frame(FrameType.ping, 0, 0, Buffer.from('pingpong')),
    ])
    expect(afterStart(long)).toEqual(['streamError 1 frameSizeError 16385', 'ping pingpong'])
    expect(afterStart(long, { frameBytes: 16_385 })[0]).toStartWith('data 1 open 16385 ')
  })

  test('next() reads nothing more after an error of the connection', () => {
    const reader = new FrameReader('client')
    expect(read(reader, [frame(FrameType.ping, 0, 0, Buffer.from('pingpong'))])).toEqual([
      'connectionError protocolError',
    ])
    expect(read(reader, [settings])).toEqual(['connectionError protocolError'])
  })

  test('next() answers any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 200 }), (tail, cut) => {
        const all = Buffer.concat([settings, tail])
        const whole = read(new FrameReader('client'), [all])
        expect(read(new FrameReader('client'), [all.subarray(0, cut), all.subarray(cut)])).toEqual(whole)
      }),
    )
  })
})

/** Title, octets after the start of a connection, error of the connection. */
const refused: readonly (readonly [title: string, octets: Buffer, error: string])[] = [
  ['DATA on stream 0', frame(FrameType.data, 0, 0), 'protocolError'],
  ['DATA with padding as long as its payload', frame(FrameType.data, FrameFlag.padded, 1, '03 0000'), 'protocolError'],
  ['HEADERS on stream 0', frame(FrameType.headers, FrameFlag.endHeaders, 0), 'protocolError'],
  [
    'HEADERS with too much padding',
    frame(FrameType.headers, FrameFlag.endHeaders | FrameFlag.padded, 1, '02 00'),
    'protocolError',
  ],
  [
    'HEADERS with padding into the priority',
    frame(FrameType.headers, FrameFlag.endHeaders | FrameFlag.padded | FrameFlag.priority, 1, '01 00000000 10'),
    'protocolError',
  ],
  [
    'HEADERS without room for the padding',
    frame(FrameType.headers, FrameFlag.endHeaders | FrameFlag.padded, 1),
    'frameSizeError',
  ],
  [
    'HEADERS without room for the priority',
    frame(FrameType.headers, FrameFlag.endHeaders | FrameFlag.priority, 1, '00000000'),
    'frameSizeError',
  ],
  [
    'HEADERS that are too long',
    frame(FrameType.headers, FrameFlag.endHeaders, 1, Buffer.alloc(16_385)),
    'frameSizeError',
  ],
  ['PRIORITY on stream 0', frame(FrameType.priority, 0, 0, '00000001 10'), 'protocolError'],
  ['RST_STREAM on stream 0', frame(FrameType.rstStream, 0, 0, '00000008'), 'protocolError'],
  ['RST_STREAM of three octets', frame(FrameType.rstStream, 0, 1, '000008'), 'frameSizeError'],
  ['SETTINGS on a stream', frame(FrameType.settings, 0, 1), 'protocolError'],
  ['SETTINGS of five octets', frame(FrameType.settings, 0, 0, '0004000100'), 'frameSizeError'],
  [
    'an acknowledgement of SETTINGS with a payload',
    frame(FrameType.settings, FrameFlag.ack, 0, '000400010000'),
    'frameSizeError',
  ],
  ['a window above 2^31-1', frame(FrameType.settings, 0, 0, '0004 80000000'), 'flowControlError'],
  ['a frame size below 16,384', frame(FrameType.settings, 0, 0, '0005 00003fff'), 'protocolError'],
  ['a frame size above 2^24-1', frame(FrameType.settings, 0, 0, '0005 01000000'), 'protocolError'],
  ['ENABLE_PUSH of 2', frame(FrameType.settings, 0, 0, '0002 00000002'), 'protocolError'],
  ['ENABLE_PUSH of a server', frame(FrameType.settings, 0, 0, '0002 00000001'), 'protocolError'],
  ['ENABLE_CONNECT_PROTOCOL of 2', frame(FrameType.settings, 0, 0, '0008 00000002'), 'protocolError'],
  ['more SETTINGS than the limit', frame(FrameType.settings, 0, 0, '0003 00000064'.repeat(33)), 'enhanceYourCalm'],
  ['PUSH_PROMISE', frame(FrameType.pushPromise, FrameFlag.endHeaders, 1, '00000002'), 'protocolError'],
  ['PING on a stream', frame(FrameType.ping, 0, 1, Buffer.alloc(8)), 'protocolError'],
  ['PING of seven octets', frame(FrameType.ping, 0, 0, Buffer.alloc(7)), 'frameSizeError'],
  ['GOAWAY on a stream', frame(FrameType.goaway, 0, 1, Buffer.alloc(8)), 'protocolError'],
  ['GOAWAY of seven octets', frame(FrameType.goaway, 0, 0, Buffer.alloc(7)), 'frameSizeError'],
  ['WINDOW_UPDATE of three octets', frame(FrameType.windowUpdate, 0, 1, '000001'), 'frameSizeError'],
  ['WINDOW_UPDATE of 0 for the connection', frame(FrameType.windowUpdate, 0, 0, '00000000'), 'protocolError'],
  ['CONTINUATION without HEADERS', frame(FrameType.continuation, FrameFlag.endHeaders, 1), 'protocolError'],
  [
    'CONTINUATION on another stream',
    Buffer.concat([frame(FrameType.headers, 0, 1), frame(FrameType.continuation, FrameFlag.endHeaders, 3)]),
    'protocolError',
  ],
  [
    'CONTINUATION after the end of a block',
    Buffer.concat([
      frame(FrameType.headers, 0, 1),
      frame(FrameType.continuation, FrameFlag.endHeaders, 1),
      frame(FrameType.continuation, FrameFlag.endHeaders, 1),
    ]),
    'protocolError',
  ],
  [
    'a frame of the same stream inside of a block',
    Buffer.concat([frame(FrameType.headers, 0, 1), frame(FrameType.data, 0, 1)]),
    'protocolError',
  ],
  [
    'HEADERS inside of a block',
    Buffer.concat([frame(FrameType.headers, 0, 1), frame(FrameType.headers, FrameFlag.endHeaders, 1)]),
    'protocolError',
  ],
  [
    'an unknown frame inside of a block',
    Buffer.concat([frame(FrameType.headers, 0, 1), frame(0xfa, 0, 1)]),
    'protocolError',
  ],
  ['an unknown frame that is too long', frame(0xfa, 0, 1, Buffer.alloc(16_385)), 'frameSizeError'],
  [
    'endless empty CONTINUATION',
    Buffer.concat([
      frame(FrameType.headers, 0, 1),
      ...Array.from({ length: 17 }, () => frame(FrameType.continuation, 0, 1)),
    ]),
    'enhanceYourCalm',
  ],
  [
    'a block above the limit',
    Buffer.concat([
      frame(FrameType.headers, 0, 1),
      ...Array.from({ length: 5 }, () => frame(FrameType.continuation, 0, 1, Buffer.alloc(16_384))),
    ]),
    'enhanceYourCalm',
  ],
]

describe('FrameReader, errors of the connection', () => {
  for (const [title, wire, error] of refused) {
    test(`next() refuses ${title}`, () => {
      expect(afterStart(wire).at(-1)).toBe(`connectionError ${error}`)
      const bytewise = Array.from(wire, (_, index) => wire.subarray(index, index + 1))
      expect(read(new FrameReader('client'), [settings, ...bytewise]).at(-1)).toBe(`connectionError ${error}`)
    })
  }

  test('next() lets a client offer to be pushed to', () => {
    const offer = frame(FrameType.settings, 0, 0, '0002 00000001')
    expect(afterStart(offer, {}, 'server')).toEqual([`settings [{"id":${SettingId.enablePush},"value":1}]`])
  })

  test('next() takes a block up to the limit, in as many CONTINUATION as allowed', () => {
    const block = [
      frame(FrameType.headers, 0, 1, '61'),
      ...Array.from({ length: 15 }, () => frame(FrameType.continuation, 0, 1, '61')),
    ]
    const last = frame(FrameType.continuation, FrameFlag.endHeaders, 1, '61')
    expect(afterStart(Buffer.concat([...block, last]), { blockBytes: 17 })).toEqual([
      `headers 1 open noError ${'a'.repeat(17)}`,
    ])
    expect(afterStart(Buffer.concat([...block, last]), { blockBytes: 16 })).toEqual(['connectionError enhanceYourCalm'])
    expect(afterStart(frame(FrameType.headers, FrameFlag.endHeaders, 1, '6161'), { blockBytes: 1 })).toEqual([
      'connectionError enhanceYourCalm',
    ])
  })

  test('next() counts CONTINUATION for each block anew', () => {
    const block = [
      frame(FrameType.headers, 0, 1, '61'),
      frame(FrameType.continuation, 0, 1),
      frame(FrameType.continuation, FrameFlag.endHeaders, 1),
    ]
    expect(afterStart(Buffer.concat([...block, ...block, ...block]), { continuations: 2 })).toEqual(
      Array.from({ length: 3 }, () => 'headers 1 open noError a'),
    )
  })

  test.each([
    ['another preface', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a preface with a wrong end', Buffer.from(connectionPreface.replace('SM', 'SN'))],
    [
      'a first frame that is no SETTINGS',
      Buffer.concat([Buffer.from(connectionPreface), frame(FrameType.ping, 0, 0, Buffer.alloc(8))]),
    ],
    [
      'an acknowledgement first',
      Buffer.concat([Buffer.from(connectionPreface), frame(FrameType.settings, FrameFlag.ack, 0)]),
    ],
  ])('next() refuses %s', (_, wire) => {
    expect(read(new FrameReader('server'), [wire])).toEqual(['connectionError protocolError'])
  })
})

describe('FrameWriter', () => {
  function written(write: (writer: FrameWriter) => void): Buffer {
    const writer = new FrameWriter()
    write(writer)
    return Buffer.from(writer.bytes.subarray(0, writer.length))
  }

  test('what it writes is read as it was meant', () => {
    const wire = written((writer) => {
      writer.preface()
      writer.settings([{ id: SettingId.maxConcurrentStreams, value: 100 }])
      writer.settingsAck()
      writer.headers(1, Buffer.from('block'), { endStream: true })
      writer.data(1, Buffer.from('xhellox'), { start: 1, end: 6 })
      writer.data(1, new Uint8Array([0x61]), { endStream: true })
      writer.ping(Buffer.from('pingpong'))
      writer.pingAck(Buffer.from('xpingpong'), 1)
      writer.rstStream(1, ErrorCode.cancel)
      writer.windowUpdate(0, 7)
      writer.goaway(1, ErrorCode.noError, 'bye')
    })
    expect(read(new FrameReader('server'), [wire])).toEqual([
      'settings [{"id":3,"value":100}]',
      'settingsAck 0',
      'headers 1 end noError block',
      'data 1 open 5 hello',
      'data 1 end 1 a',
      'ping pingpong',
      'pingAck pingpong',
      'rstStream 1 cancel',
      'windowUpdate 0 7',
      'goaway 1 noError bye',
    ])
  })

  test('dataHeader() announces a payload that follows by itself', () => {
    const wire = written((writer) => writer.dataHeader(5, 3, { endStream: true }))
    expect(wire.length).toBe(9)
    expect(afterStart(Buffer.concat([wire, Buffer.from('abc')]))).toEqual(['data 5 end 3 abc'])
    expect(() => new FrameWriter().dataHeader(0, 3)).toThrow('no identifier')
  })

  test('headers() continues a block that is longer than the peer takes', () => {
    for (const [length, frames] of [
      [0, 1],
      [16_384, 1],
      [16_385, 2],
      [40_000, 3],
    ] as const) {
      const block = Buffer.alloc(length, 'b')
      const wire = written((writer) => writer.headers(3, block, { endStream: true }))
      expect(wire.length).toBe(length + frames * 9)
      expect(afterStart(wire)).toEqual([`headers 3 end noError ${block.toString()}`])
    }
  })

  test('it refuses what would be a fault of ours', () => {
    const writer = new FrameWriter()
    expect(() => writer.data(0, Buffer.from('a'))).toThrow('no identifier')
    expect(() => writer.data(1, Buffer.alloc(16_385))).toThrow('longer than the peer takes')
    expect(() => writer.windowUpdate(1, 0)).toThrow('cannot grow')
    expect(() => writer.ping(Buffer.alloc(7))).toThrow('eight octets')
  })
})
