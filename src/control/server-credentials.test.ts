import { afterAll, describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { z } from 'zod'
import { openCertificateAuthority } from '../ca/index.ts'
import { defineRoute, startRestServer } from './http/index.ts'
import { ServerCredentials } from './server-credentials.ts'

const root = mkdtempSync(join(tmpdir(), 'weft-credentials-'))
afterAll(() => rmSync(root, { recursive: true }))
const hour = 60 * 60 * 1000
const log = () => undefined

async function setup(directory: string, start = Date.now()) {
  let now = start
  const clock = { now: () => now, monotonic: () => now }
  const authority = await openCertificateAuthority({
    directory: join(root, directory),
    trustDomain: 'cluster.local',
    clock,
  })
  const spiffeId = 'spiffe://cluster.local/ns/weft-system/sa/control-plane'
  const credentials = await ServerCredentials.create({ authority, spiffeId, hosts: ['127.0.0.1'], clock, log })
  return { authority, credentials, pass: (ms: number) => void (now += ms), now: () => now }
}

describe('ServerCredentials', () => {
  test('renewIfDue() renews at half of the life and not before', async () => {
    const { credentials, pass, now } = await setup('a')
    using _ = credentials
    const renewed: string[] = []
    credentials.onRenewed(({ certificateChain }) => renewed.push(certificateChain))
    const first = credentials.current
    pass(11 * hour)
    await credentials.renewIfDue()
    expect([credentials.current, renewed]).toEqual([first, []])
    pass(2 * hour)
    await credentials.renewIfDue()
    expect(renewed).toEqual([credentials.current.certificateChain])
    expect(credentials.current.privateKey).not.toBe(first.privateKey)
    const seconds = Math.abs(
      Date.parse(new X509Certificate(credentials.current.certificateChain).validTo) - now() - 24 * hour,
    )
    expect(seconds).toBeLessThanOrEqual(1000)
  })

  test('renewIfDue() keeps the old certificate when the authority fails', async () => {
    const { credentials, pass } = await setup('b')
    using _ = credentials
    const first = credentials.current
    pass(20 * 365 * 24 * hour)
    await credentials.renewIfDue()
    expect(credentials.current).toBe(first)
  })
})

describe('startRestServer()', () => {
  /** Serial number of the certificate that a new connection is shown, verified against the authority. */
  function serial(port: number, ca: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca }, () => {
        resolve(socket.getPeerCertificate().serialNumber)
        socket.destroy()
      })
      socket.on('error', reject)
    })
  }

  test('setCredentials() is used by new connections; a request that runs is finished', async () => {
    const { authority, credentials, pass } = await setup('c', Date.now() - 13 * hour)
    using _ = credentials
    const ca = readFileSync(authority.bundleFile, 'utf8')
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const { promise: began, resolve: begin } = Promise.withResolvers<void>()
    const slow = defineRoute({
      method: 'GET',
      path: '/slow',
      summary: 'Waits',
      auth: 'none',
      answer: z.object({ done: z.boolean() }),
      failures: {},
      handle: async () => {
        begin()
        await gate
        return { done: true }
      },
    })
    await using server = startRestServer({
      host: '127.0.0.1',
      port: 0,
      credentials: credentials.current,
      token: 'token',
      version: '0',
      routes: [slow],
      log,
    })
    credentials.onRenewed(server.setCredentials)
    const running = fetch(`https://127.0.0.1:${server.port}/slow`, { tls: { ca } })
    await began
    const before = await serial(server.port, ca)
    pass(13 * hour)
    await credentials.renewIfDue()
    const after = await serial(server.port, ca)
    expect(after).not.toBe(before)
    expect(after).toBe(new X509Certificate(credentials.current.certificateChain).serialNumber)
    open()
    expect(await (await running).json()).toEqual({ done: true })
  })
})
