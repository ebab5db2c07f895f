/**
 * Attacks over HTTP/2 on a running proxy, one client attacking while another one asks on: the attacker is stopped by the right code and counter, or held
 * within bounds; the other is answered; and when the attacker is gone nothing is left of it, here or upstream.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'

import { ErrorCode } from '../../src/wire/http2/index.ts'
import { FrameKind, type FramePeer, type RawField, uint32 } from '../harness/frame-peer.ts'
import { waitUntil } from '../harness/wait-until.ts'
import { type AttackRig, Innocent, startRig } from './attack-rig.ts'
import { request } from './http2-plane.ts'

/** What the proxy may grow by in one attack. */
const mayGrow = 48 * 1024 * 1024

let rig: AttackRig
let innocent: Innocent
let before = 0

beforeAll(async () => {
  rig = await startRig()
  // Code and buffers of ordinary traffic are there.
  const warm = new Innocent(rig.connect())
  await waitUntil('the proxy is warm', () => warm.answered > 200)
  await warm.stop()
})
afterAll(async () => rig[Symbol.asyncDispose]())

beforeEach(async () => {
  before = rig.resident()
  innocent = new Innocent(rig.connect())
  await innocent.answers()
})

afterEach(async () => {
  await innocent.answers()
  await innocent.stop()
  rig.disconnect()
  expect(innocent.failed).toBe(0)
  await waitUntil('no request is left', async () => (await rig.value('envoy_http_downstream_rq_active')) === 0)
  await waitUntil('no connection is left', async () => (await rig.value('envoy_http_downstream_cx_active')) === 0)
  expect(await rig.value('envoy_cluster_upstream_rq_active')).toBe(0)
  expect(rig.resident() - before).toBeLessThan(mayGrow)
})

const get = request()
const hold = request('POST', '/hold')

/** Each attack is over when GOAWAY has come, with this code and counter. */
const floods: readonly (readonly [name: string, run: (peer: FramePeer) => void, counter: string, code?: number])[] = [
  [
    'asks for much and opens windows of one octet (CVE-2019-9511)',
    (peer) => {
      for (let id = 1; id < 100; id += 2) peer.headers(id, request('GET', '/big'), { end: true })
      for (let count = 0; count < 5000; count += 1) peer.windowUpdate(1, 1)
    },
    'inbound_window_update_frames_flood',
  ],
  [
    'sends PING without end (CVE-2019-9512)',
    (peer) => {
      for (let count = 0; count < 20_000; count += 1) peer.ping()
    },
    'outbound_control_flood',
  ],
  [
    'sends PRIORITY without end (CVE-2019-9513)',
    (peer) => {
      for (let count = 0; count < 5000; count += 1) peer.priority(2 * count + 1, 0)
    },
    'inbound_priority_frames_flood',
  ],
  [
    'sends requests that must be reset (CVE-2019-9514)',
    (peer) => {
      for (let id = 1; id < 1000; id += 2) peer.headers(id, [...get, ['X-Upper', 'a']], { end: true })
    },
    'tx_reset',
  ],
  [
    'sends SETTINGS without end (CVE-2019-9515)',
    (peer) => {
      for (let count = 0; count < 1000; count += 1) peer.sendSettings([[4, count % 2 === 0 ? 0 : 65_535]])
    },
    'inbound_settings_flood',
  ],
  [
    'sends empty names (CVE-2019-9516)',
    (peer) => {
      for (let id = 1; id < 1000; id += 2) peer.headers(id, [...get, ['', '']], { end: true })
    },
    'tx_reset',
  ],
  [
    'sends empty DATA (CVE-2019-9518)',
    (peer) => {
      peer.headers(1, hold)
      for (let count = 0; count < 1000; count += 1) peer.data(1, '')
    },
    'inbound_empty_frames_flood',
  ],
  [
    'sends empty CONTINUATION (CVE-2019-9518)',
    (peer) => {
      peer.frame(FrameKind.headers, 1, 1)
      for (let count = 0; count < 1000; count += 1) peer.frame(FrameKind.continuation, 0, 1)
    },
    'inbound_empty_frames_flood',
  ],
  [
    'sends SETTINGS of 2,400 entries (CVE-2020-11080)',
    (peer) => peer.sendSettings(Array.from({ length: 2400 }, (): [number, number] => [4, 65_535])),
    'inbound_settings_flood',
  ],
  [
    'names an entry of 4 kB thousands of times (CVE-2016-6581)',
    (peer) => {
      const entry = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0x81, 0x1e]), Buffer.alloc(4000, 'v')])
      peer.block(1, Buffer.concat([peer.encode(get), entry, Buffer.alloc(10_000, 0xbe)]), { end: true, pieces: 1 })
    },
    'header_overflow',
  ],
  [
    'opens and resets streams (CVE-2023-44487)',
    (peer) => {
      for (let id = 1; id < 2000; id += 2) {
        peer.headers(id, hold, { end: true })
        peer.reset(id, 8)
      }
    },
    'rx_reset',
  ],
  [
    'sends CONTINUATION without end (CVE-2024-27919, CVE-2024-30255)',
    (peer) => {
      peer.frame(FrameKind.headers, 1, 1, peer.encode(get))
      for (let count = 0; count < 2000; count += 1) peer.frame(FrameKind.continuation, 0, 1, peer.encode([['x', 'y']]))
    },
    'inbound_continuation_flood',
  ],
  [
    'changes the table size back and forth',
    (peer) => {
      const changes = Buffer.from(
        Array.from({ length: 3000 }, (_, index) => (index % 2 === 0 ? [0x20] : [0x3f, 0xe1, 0x1f])).flat(),
      )
      peer.block(1, Buffer.concat([changes, peer.encode(get)]), { end: true, pieces: 1 })
    },
    'compression_error',
    ErrorCode.compressionError,
  ],
]

/** Ways to make a server reset a sound request (CVE-2025-8671). */
const provocations: readonly (readonly [name: string, run: (peer: FramePeer, id: number) => void])[] = [
  ['WINDOW_UPDATE of 0', (peer, id) => peer.windowUpdate(id, 0)],
  ['WINDOW_UPDATE that overflows', (peer, id) => peer.windowUpdate(id, 0x7fff_ffff)],
  ['PRIORITY of wrong length', (peer, id) => peer.frame(FrameKind.priority, 0, id, Buffer.alloc(4))],
  ['PRIORITY on itself', (peer, id) => peer.priority(id, id)],
  ['HEADERS behind END_STREAM', (peer, id) => peer.headers(id, get, { end: true })],
  ['DATA behind END_STREAM', (peer, id) => void peer.data(id, 'x')],
]

async function isTold(peer: FramePeer, counter: string, code: number): Promise<void> {
  await waitUntil('the attacker is told GOAWAY, or cut', () => peer.goaways.length > 0 || peer.closed)
  // What it had still in flight may have made its own kernel drop the last words.
  expect(peer.goaways.map((goaway) => goaway.code)).toEqual(peer.goaways.length > 0 ? [code] : [])
  await waitUntil('it is counted', async () => (await rig.value(`envoy_http2_${counter}`)) > 0)
}

describe('a client that', () => {
  test.each(floods)('%s is stopped', async (_name, run, counter, code = ErrorCode.enhanceYourCalm) => {
    const counted = await rig.value(`envoy_http2_${counter}`)
    const peer = rig.connect([[4, counter.startsWith('inbound_window') ? 1 : 65_535]])
    run(peer)
    await isTold(peer, counter, code)
    expect(await rig.value(`envoy_http2_${counter}`)).toBe(counted + 1)
    peer.socket.destroy()
    // Whatever reached the upstream was given up there.
    await waitUntil('the upstream is told', () => rig.arrived('/hold').every(({ end }) => typeof end === 'number'))
  })

  test.each(provocations)(
    'provokes resets by %s is stopped, and its requests are given up upstream',
    async (_name, run) => {
      const counted = await rig.value('envoy_http2_tx_reset')
      const held = rig.arrived('/hold').length
      const peer = rig.connect()
      let id = 1
      // Each request is on its way before it is spoiled.
      for (; id < 10; id += 2) peer.headers(id, hold, { end: true })
      await waitUntil('the upstream has the requests', () => rig.arrived('/hold').length === held + 5)
      for (let old = 1; old < id; old += 2) run(peer, old)
      await waitUntil('the upstream is told', () =>
        rig.arrived('/hold').every(({ end }) => end === ErrorCode.cancel || end === 0),
      )
      for (; id < 1000; id += 2) {
        peer.headers(id, hold, { end: true })
        run(peer, id)
      }
      await isTold(peer, 'tx_reset', ErrorCode.enhanceYourCalm)
      expect(await rig.value('envoy_http2_tx_reset')).toBe(counted + 1)
      await waitUntil('the upstream is told', () => rig.arrived('/hold').every(({ end }) => typeof end === 'number'))
      peer.socket.destroy()
    },
  )

  test('lets everything be buffered and reads nothing is held within bounds (CVE-2019-9517)', async () => {
    const peer = rig.connect([[4, 0x7fff_ffff]])
    peer.windowUpdate(0, 0x7fff_0000)
    await waitUntil('settings are acknowledged', () => peer.settingsAcks > 0)
    peer.socket.pause()
    for (let id = 1; id < 200; id += 2) peer.headers(id, request('GET', '/big'), { end: true })
    await waitUntil('the upstream has the requests', () => rig.arrived('/big').length >= 100)
    await innocent.answers()
    expect(rig.resident() - before).toBeLessThan(mayGrow)
    peer.socket.destroy()
  })

  test('sends a body of single octets is served, at the cost of a few octets each (CVE-2020-12603)', async () => {
    const peer = rig.connect()
    peer.headers(1, request('POST', '/small'))
    for (let count = 0; count < 20_000; count += 1) peer.data(1, 'x')
    peer.data(1, '', { end: true })
    await waitUntil('it is answered', () => peer.streams.get(1)?.end === 'end' || peer.closed, 20_000)
    expect(rig.arrived('/small').map(({ octets }) => octets)).toEqual([20_000])
    peer.socket.destroy()
  }, 30_000)

  test.each([
    [
      'thousands of pieces of a cookie (CVE-2026-47774)',
      Array.from({ length: 1500 }, (): RawField => ['cookie', 'a=b']),
    ],
    ['thousands of fields without value (CVE-2019-9516)', Array.from({ length: 1500 }, (): RawField => ['x', ''])],
  ])('sends %s gets 431', async (_name, fields) => {
    const peer = rig.connect()
    peer.headers(1, request('GET', '/many', fields), { end: true })
    await waitUntil('it is answered', () => peer.streams.get(1)?.end === 'end')
    expect(peer.streams.get(1)?.heads[0]?.[0]).toEqual([':status', '431'])
    expect(rig.arrived('/many')).toEqual([])
    peer.socket.destroy()
  })

  test('names a host of 4,000 octets loses the stream (CVE-2024-32475)', async () => {
    const peer = rig.connect()
    peer.headers(1, [...get.slice(0, 3), [':authority', 'a'.repeat(4000)]], { end: true })
    await waitUntil('it is answered', () => peer.streams.get(1)?.end !== undefined)
    expect(peer.streams.get(1)?.end).toBe(ErrorCode.protocolError)
    peer.socket.destroy()
  })

  test('disappears with a hundred requests under way leaves nothing (Envoy pull request 40714)', async () => {
    const held = rig.arrived('/hold').length
    const peer = rig.connect()
    for (let id = 1; id < 200; id += 2) peer.headers(id, hold, { end: true })
    await waitUntil('the upstream has the requests', () => rig.arrived('/hold').length === held + 100)
    peer.socket.resetAndDestroy()
    await waitUntil('the upstream is told', () => rig.arrived('/hold').every(({ end }) => typeof end === 'number'))
  })

  test('takes its window back in the middle of a response gets the rest when it gives it again', async () => {
    const peer = rig.connect([[4, 10_000]])
    peer.opensWindows = false
    peer.headers(1, request('GET', '/big'), { end: true })
    await waitUntil('its window is used up', () => peer.streams.get(1)?.octets === 10_000)
    peer.sendSettings([[4, 0]])
    peer.windowUpdate(1, 5000)
    await waitUntil('settings are acknowledged', () => peer.settingsAcks > 1)
    peer.sendSettings([[4, 20_000]])
    await waitUntil('the rest is here', () => peer.streams.get(1)?.octets === 16_384)
    peer.reset(1, 8)
    peer.frame(FrameKind.goaway, 0, 0, Buffer.concat([uint32(0), uint32(0)]))
    peer.socket.end()
  })
})

describe('an upstream that', () => {
  test('says GOAWAY and resets at once leaves no stream (CVE-2023-35945)', async () => {
    const peer = rig.connect()
    for (let id = 1; id < 100; id += 2) {
      peer.headers(id, request('POST', '/goaway-reset'), { end: true })
      await waitUntil('it is answered', () => peer.streams.get(id)?.end === 'end')
      expect(peer.streams.get(id)?.heads[0]?.[0]).toEqual([':status', '503'])
    }
    peer.socket.destroy()
  })

  test('allows no stream after GOAWAY does no harm (CVE-2021-32780)', async () => {
    const peer = rig.connect()
    for (let id = 1; id < 50; id += 2) {
      peer.headers(id, request('POST', '/goaway-zero'), { end: true })
      await waitUntil('it is answered', () => peer.streams.get(id)?.end === 'end')
      expect(peer.streams.get(id)?.heads[0]?.[0]).toEqual([':status', '200'])
    }
    peer.socket.destroy()
  })
})
