/** The stack of idle connections: sockets are names here, time is the test's. */
import { describe, expect, test } from 'bun:test'
import { ignoringOwner, type StreamSocket } from '../../net/index.ts'
import { IdleConnections } from './idle-connections.ts'

function world() {
  const state = { now: 0 }
  const closed: string[] = []
  const noisy = new Set<string>()
  const sockets = new Map<string, StreamSocket>()
  const nameOf = (socket: StreamSocket | undefined): string | undefined =>
    [...sockets].find(([, known]) => known === socket)?.[0]
  const clock = { now: () => state.now, monotonic: () => state.now }
  const idle = new IdleConnections({
    clock,
    delivery: { isQuiet: (socket) => !noisy.has(nameOf(socket) ?? ''), unacknowledged: () => -1 },
    owner: ignoringOwner,
    close: (socket) => void closed.push(nameOf(socket) ?? ''),
  })
  const put = (...names: readonly string[]): void => {
    for (const name of names) {
      // Only its owner is ever looked at.
      const socket = { data: ignoringOwner } as StreamSocket
      sockets.set(name, socket)
      idle.put(socket)
      state.now += 1
    }
  }
  const lose = (name: string): void => {
    const socket = sockets.get(name)
    if (socket !== undefined) idle.onLost(socket)
  }
  return { idle, state, closed, noisy, put, lose, take: (scout = true) => nameOf(idle.take(scout)) }
}

describe('IdleConnections', () => {
  test('gives out the warmest first', () => {
    const { put, take, idle } = world()
    put('a', 'b', 'c')
    expect([take(), take(), idle.length]).toEqual(['c', 'b', 1])
  })

  test('does not give out what the peer has closed or spoken on, and learns from it when it was the coldest', () => {
    const { put, take, state, noisy, closed, idle } = world()
    put('a', 'b', 'c')
    state.now = 1000
    noisy.add('c').add('b')
    expect(take()).toBe('a')
    expect(closed).toEqual(['c', 'b'])
    expect(idle.lifetime.limitMs).toBe(Number.POSITIVE_INFINITY)
    put('d')
    noisy.add('d')
    state.now += 499
    expect(take()).toBeUndefined()
    expect(idle.lifetime.limitMs).toBe(400)
  })

  test('does not give out what the endpoint is about to close: closes it, and keeps the coldest to learn from', () => {
    const { put, take, state, lose, closed, idle } = world()
    put('a')
    state.now = 1000
    lose('a')
    expect(idle.lifetime.limitMs).toBe(800)
    state.now = 2000
    put('b', 'c', 'd')
    state.now = 2803
    expect(take()).toBeUndefined()
    expect([closed, idle.length]).toEqual([['c', 'd'], 1])
    state.now = 3001
    lose('b')
    expect(idle.lifetime.limitMs).toBeCloseTo(800.8)
    put('e')
    state.now = 3801
    expect(take()).toBe('e')
  })

  test('keeps none when the cluster can spare no connection', () => {
    const { put, take, state, lose, closed } = world()
    put('a')
    state.now = 1000
    lose('a')
    put('b', 'c')
    state.now = 9000
    expect(take(false)).toBeUndefined()
    expect(closed).toEqual(['b', 'c'])
  })

  test('is not misled by one close that was no time-out', () => {
    const { put, take, state, lose } = world()
    put('old', 'new')
    state.now = 500
    lose('new')
    expect(take()).toBe('old')
    put('x')
    lose('x')
    let fresh = 0
    for (let turn = 0; turn < 30; turn += 1) {
      put(`n${turn}`)
      state.now += 100
      if (take() === undefined) fresh += 1
      else break
    }
    expect(fresh).toBeGreaterThan(0)
    expect(fresh).toBeLessThan(12)
  })

  test('closeOlder() closes the coldest', () => {
    const { put, idle, state, closed } = world()
    put('a', 'b', 'c')
    state.now = 10
    idle.closeOlder(9)
    expect(closed).toEqual(['a', 'b'])
    idle.closeAll()
    expect([closed.length, idle.length, idle.coldestSince]).toEqual([3, 0, undefined])
  })
})
