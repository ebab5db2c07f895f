import { dlopen, FFIType, ptr } from 'bun:ffi'
import { afterEach, describe, expect, test } from 'bun:test'
import { createTestAuthority } from './certificates.fixture.ts'
import { acceptTls } from './accept-tls.ts'
import { type ConnectResult, type ConnectTls, createConnector } from './connector.ts'
import { closingOwner } from './socket-handlers.ts'
import type { StreamSocket } from './socket-owner.ts'
import { createEchoOwner, createRecordingOwner, createTestServer, type TestServer } from './sockets.fixture.ts'
import { createKeepaliveSetter, type TcpKeepalive } from './tcp-keepalive.ts'
import { createTlsContext, type TlsContextOptions } from './tls-context.ts'

const options = { switch: [1, 9], idle: [6, 4], interval: [6, 5], probes: [6, 6] } as const

const servers: TestServer[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server[Symbol.dispose]()
})

function readOptions(socket: StreamSocket): Record<string, number> {
  const { symbols } = dlopen('libc.so.6', {
    getsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  })
  const fd: unknown = Reflect.get(socket, 'fd')
  return Object.fromEntries(
    Object.entries(options).map(([name, [level, option]]) => {
      const value = new Int32Array(1)
      const length = new Uint32Array([4])
      if (symbols.getsockopt(Number(fd), level, option, ptr(value), ptr(length)) !== 0) throw new Error(name)
      return [name, value[0] ?? -1]
    }),
  )
}

async function connect(port: number, keepalive: TcpKeepalive | undefined, tls?: ConnectTls): Promise<StreamSocket> {
  const connector = createConnector({
    target: { kind: 'tcp', address: '127.0.0.1', port },
    connectTimeoutMs: 2000,
    keepalive,
    setKeepalive: createKeepaliveSetter(),
    onReleased: () => undefined,
    onDescriptorFree: () => undefined,
  })
  const { promise, resolve } = Promise.withResolvers<ConnectResult>()
  connector.connect(tls, createRecordingOwner(), resolve)
  const result = await promise
  if (result.kind === 'failed') throw new Error(result.message)
  return result.socket
}

function plainServer(): TestServer {
  const server = createTestServer(() => createEchoOwner())
  servers.push(server)
  return server
}

describe.skipIf(process.platform !== 'linux')('createKeepaliveSetter()', () => {
  const all = { idleSeconds: 61, intervalSeconds: 7, probes: 3 }

  test('sets idle time, interval and probes of a connection', async () => {
    const socket = await connect(plainServer().port, all)
    expect(readOptions(socket)).toEqual({ switch: 1, idle: 61, interval: 7, probes: 3 })
    socket.end()
  })

  test('leaves absent values as the kernel has them', async () => {
    const { port } = plainServer()
    const untouched = await connect(port, undefined)
    const socket = await connect(port, { probes: 3 })
    const before = readOptions(untouched)
    expect(before['switch']).toBe(0)
    expect(readOptions(socket)).toEqual({ ...before, switch: 1, probes: 3 })
    untouched.end()
    socket.end()
  })

  test('reaches the socket under TLS', async () => {
    const authority = await createTestAuthority('mesh')
    const certificate = await authority.issue({ uris: ['spiffe://cluster.local/ns/default/sa/a'] })
    const context = (role: TlsContextOptions['role']) => {
      const made = createTlsContext({ role, certificate, trustedCa: authority.bundle, minVersion: 'TLSv1.3' })
      if (!made.ok) throw made.error
      return made.value
    }
    const requirement = { verifyChain: false, requireCertificate: false, names: [] }
    const server = createTestServer((socket) => {
      acceptTls(socket, { context: context('server'), alpn: [], requirement }, (result) => {
        if (result.accepted) result.socket.data = createEchoOwner()
      })
      return socket.data ?? closingOwner
    })
    servers.push(server)
    const tls = { context: context('client'), alpn: [], sni: undefined, requirement }
    const socket = await connect(server.port, all, tls)
    expect(readOptions(socket)).toEqual({ switch: 1, idle: 61, interval: 7, probes: 3 })
    socket.end()
  })

  test('answers false for a value that the kernel does not take', async () => {
    const socket = await connect(plainServer().port, undefined)
    expect(createKeepaliveSetter()(socket, { probes: 128 })).toBe(false)
    socket.end()
  })
})
