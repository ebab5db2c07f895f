import { connectionPreface } from '../../../../src/wire/http2/index.ts'
import { FrameKind, uint32 } from '../../../harness/frame-peer.ts'
import { type Http2Case, requestFields } from '../case.ts'
import type { CaseClient } from '../run-case.ts'

const get = requestFields('GET', '/f')
const post = requestFields('POST', '/f')

const sequences: readonly (readonly [name: string, run: (client: CaseClient) => void, wait: 'gone' | 'ended'])[] = [
  ['DATA on stream 0', ({ peer }) => void peer.data(0, 'x'), 'gone'],
  ['HEADERS on stream 0', ({ peer }) => peer.headers(0, get, { end: true }), 'gone'],
  ['HEADERS on an even stream', ({ peer }) => peer.headers(2, get, { end: true }), 'gone'],
  ['DATA on an idle stream', ({ peer }) => void peer.data(5, 'x'), 'gone'],
  ['RST_STREAM on an idle stream', ({ peer }) => peer.reset(5, 8), 'gone'],
  ['WINDOW_UPDATE on an idle stream', ({ peer }) => peer.windowUpdate(5, 10), 'gone'],
  ['CONTINUATION without HEADERS', ({ peer }) => peer.frame(FrameKind.continuation, 4, 1, Buffer.from([0x82])), 'gone'],
  [
    'a frame between HEADERS and CONTINUATION',
    ({ peer }) => {
      peer.frame(FrameKind.headers, 1, 1, peer.encode(get))
      peer.ping()
    },
    'gone',
  ],
  [
    'a lower stream after a higher one',
    ({ peer }) => {
      peer.headers(5, post)
      peer.headers(3, get, { end: true })
    },
    'gone',
  ],
  [
    'DATA behind END_STREAM',
    ({ peer }) => {
      peer.headers(1, requestFields('GET', '/slow'), { end: true })
      peer.data(1, 'x', { end: true })
    },
    'ended',
  ],
  [
    'HEADERS behind END_STREAM',
    ({ peer }) => {
      peer.headers(1, requestFields('GET', '/slow'), { end: true })
      peer.headers(1, get, { end: true })
    },
    'ended',
  ],
  [
    'trailers without END_STREAM',
    ({ peer }) => {
      peer.headers(1, post)
      peer.headers(1, [['x-a', 'b']])
    },
    'ended',
  ],
  [
    'WINDOW_UPDATE of 0 on a stream',
    ({ peer }) => {
      peer.headers(1, post)
      peer.windowUpdate(1, 0)
    },
    'ended',
  ],
  ['WINDOW_UPDATE of 0 on the connection', ({ peer }) => peer.windowUpdate(0, 0), 'gone'],
  [
    'WINDOW_UPDATE that overflows a stream',
    ({ peer }) => {
      peer.headers(1, post)
      peer.windowUpdate(1, 0x7fff_ffff)
    },
    'ended',
  ],
  ['WINDOW_UPDATE that overflows the connection', ({ peer }) => peer.windowUpdate(0, 0x7fff_ffff), 'gone'],
  [
    'PRIORITY of wrong length',
    ({ peer }) => {
      peer.headers(1, post)
      peer.frame(FrameKind.priority, 0, 1, Buffer.alloc(4))
    },
    'ended',
  ],
  [
    'PRIORITY on itself',
    ({ peer }) => {
      peer.headers(1, post)
      peer.priority(1, 1)
    },
    'ended',
  ],
  ['HEADERS with priority on itself', ({ peer }) => peer.headers(1, get, { end: true, priority: [1, 5] }), 'ended'],
  [
    'RST_STREAM of wrong length',
    ({ peer }) => {
      peer.headers(1, post)
      peer.frame(FrameKind.reset, 0, 1, Buffer.alloc(3))
    },
    'gone',
  ],
  ['PING of wrong length', ({ peer }) => peer.ping(Buffer.alloc(7)), 'gone'],
  ['PING on a stream', ({ peer }) => peer.frame(FrameKind.ping, 0, 1, Buffer.alloc(8)), 'gone'],
  ['SETTINGS of wrong length', ({ peer }) => peer.frame(FrameKind.settings, 0, 0, Buffer.alloc(5)), 'gone'],
  ['SETTINGS on a stream', ({ peer }) => peer.frame(FrameKind.settings, 0, 1), 'gone'],
  [
    'SETTINGS acknowledgement with content',
    ({ peer }) => peer.frame(FrameKind.settings, 1, 0, Buffer.alloc(6)),
    'gone',
  ],
  ['SETTINGS with a window that is too large', ({ peer }) => peer.sendSettings([[4, 0x8000_0000]]), 'gone'],
  ['SETTINGS with a frame size that is too small', ({ peer }) => peer.sendSettings([[5, 100]]), 'gone'],
  ['SETTINGS with push 2', ({ peer }) => peer.sendSettings([[2, 2]]), 'gone'],
  [
    'PUSH_PROMISE',
    ({ peer }) => peer.frame(FrameKind.pushPromise, 4, 1, Buffer.concat([uint32(2), peer.encode(get)])),
    'gone',
  ],
  ['a frame that is too large', ({ peer }) => peer.frame(FrameKind.data, 0, 1, Buffer.alloc(16_385)), 'gone'],
  [
    'a block that cannot be decoded',
    ({ peer }) => peer.block(1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), { end: true }),
    'gone',
  ],
  ['an index of nothing', ({ peer }) => peer.block(1, Buffer.from([0xfe]), { end: true }), 'gone'],
  [
    'padding longer than the frame',
    ({ peer }) => {
      peer.headers(1, post)
      peer.frame(FrameKind.data, 8, 1, Buffer.from([200, 1, 2]))
    },
    'gone',
  ],
]

/** Frames that break a rule of RFC 9113, and what only a server sees. */
export const frames: readonly Http2Case[] = [
  ...sequences.map(([name, send, wait]): Http2Case => ({
    name: `client sends ${name}`,
    hostile: 'client',
    http1: [{}],
    run: async (client) => {
      send(client)
      if (wait === 'gone') await client.gone()
      else await client.until(() => client.peer.goaways.length > 0 || client.peer.streams.get(1)?.end !== undefined)
    },
  })),
  {
    name: 'client sends a preface twice',
    hostile: 'client',
    http1: true,
    run: async (client) => {
      client.peer.send(Buffer.from(connectionPreface))
      await client.gone()
    },
  },
  {
    name: 'client sends GOAWAY behind a request',
    http1: true,
    noProbe: true,
    run: async (client) => {
      client.peer.headers(1, get, { end: true })
      client.peer.goaway(0)
      await client.ended(1)
    },
  },
  {
    name: 'more streams than allowed',
    http1: [{}],
    http2Options: { max_concurrent_streams: 2 },
    run: async (client) => {
      // The limit counts from when it is known.
      await client.until(() => client.peer.settings.has(3))
      client.peer.ping()
      await client.until(() => client.peer.pongs > 0)
      for (const id of [1, 3, 5]) client.peer.headers(id, get, { end: true })
      await client.ended(5)
      const { upstream } = client
      const arrived = (): number =>
        'peers' in upstream ? 0 : upstream.readings().flatMap(({ messages }) => messages).length
      await client.until(() => arrived() === 2)
      for (const id of [1, 3]) client.peer.reset(id, 8)
    },
  },
]
