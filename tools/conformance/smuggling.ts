/**
 * Weft between clients and servers that others wrote, before them and behind them. An attacker sends one payload on a connection of
 * its own; then a canary, another client on the same pooled connections, asks twice and must get its own answers. Where Weft
 * stands first, no hidden request may reach the server either.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { caseName, toBootstrap } from '../../test/differential/http/bootstrap.ts'
import type { HttpCase } from '../../test/differential/http/case.ts'
import { readMessages, valueOf } from '../../test/differential/http/messages.ts'
import { startWeft } from '../../test/differential/http/proxies.ts'
import { startCredulousRelay } from './credulous-relay.ts'
import { type Payload, payloads } from './smuggling-payloads.ts'
import { relays, type RunningServer, startBun, startNode, startTomcat, tomcatMissing } from './smuggling-servers.ts'

/** One connection to the upstream for all clients: an octet too many on it would reach the next one. */
const shared: HttpCase = {
  name: 'smuggling',
  steps: [],
  cluster: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } },
}

/** How long an attacker waits whom nobody answers. */
const silenceMs = 100
const canaryTimeoutMs = 5000
/** A proxy may have lost its connection over the attack: that is told by one of these, and the canary asks again. */
const lostConnection = new Set(['502', '503', '504'])
const canaryTries = 3

/** Faults after which a chain is given up; a relay that makes every mistake has as many. */
const enoughFaults = 10

/** A line of servers from the client's end to the last one. */
interface Chain {
  readonly name: string
  /** Where clients connect. */
  readonly port: number
  /** Weft is the first to read what the attacker sends. */
  readonly weftFirst: boolean
  /** How long a canary waits for its answer. */
  readonly patienceMs: number
}

/** Sends every payload through every chain; prints what is wrong. */
export async function run(): Promise<{ readonly passed: number; readonly failed: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-smuggling-'))
  const running: RunningServer[] = []
  const keep = (server: RunningServer): RunningServer => {
    running.push(server)
    return server
  }
  const here = relays.filter(({ name, program }) => {
    if (Bun.which(program) !== null) return true
    console.log(`smuggling: ${name} left out, ${program} is not installed`)
    return false
  })
  try {
    const behind: { name: string; port: number }[] = [{ name: 'Bun', port: keep(startBun()).port }]
    behind.push({ name: 'Node', port: keep(await startNode()).port })
    const missing = tomcatMissing()
    if (missing !== '') console.log(`smuggling: Tomcat left out, ${missing}`)
    else behind.push({ name: 'Tomcat', port: keep(await startTomcat(folder)).port })
    for (const relay of here) {
      const { port } = keep(await relay.start(keep(await startNode()).port, folder))
      behind.push({ name: `${relay.name} > Node`, port })
    }
    for (const relay of here) behind.push({ name: `Node behind ${relay.name}`, port: keep(await startNode()).port })
    const upstreams = behind.map(({ port }) => port)
    await using weft = await startWeft(
      (admin) =>
        toBootstrap(
          behind.map(() => shared),
          { admin, upstreams },
        ),
      upstreams.length,
    )
    const weftPort = (index: number): number => weft.port(caseName(index))
    const first = behind.length - here.length
    const chains = behind.slice(0, first).map(({ name }, index): Chain => ({
      name: `Weft > ${name}`,
      port: weftPort(index),
      weftFirst: true,
      patienceMs: canaryTimeoutMs,
    }))
    for (const [index, relay] of here.entries()) {
      const { port } = keep(await relay.start(weftPort(first + index), folder))
      chains.push({ name: `${relay.name} > Weft > Node`, port, weftFirst: false, patienceMs: canaryTimeoutMs })
    }
    const control = keep(await startCredulousRelay(keep(await startNode()).port))
    const [caught, ...results] = await Promise.all([
      attackAll({ name: 'credulous relay > Node', port: control.port, weftFirst: true, patienceMs: silenceMs }),
      ...chains.map((chain) => attackAll(chain)),
    ])
    console.log(`smuggling: a relay that makes every mistake was caught ${caught.faults.length} times`)
    const blind = caught.faults.length < enoughFaults ? ['The judge does not see what such a relay lets through'] : []
    const faults = [...blind, ...results.flatMap((result) => result.faults)]
    for (const fault of faults) console.log(fault)
    return { passed: results.reduce((sum, result) => sum + result.passed, 0), failed: faults.length }
  } finally {
    await Promise.all(running.map(({ stop }) => stop()))
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What one chain did. */
interface ChainResult {
  readonly passed: number
  readonly faults: readonly string[]
}

async function attackAll(chain: Chain): Promise<ChainResult> {
  const faults: string[] = []
  const count = { asked: 0, smuggled: 0 }
  // Clients that follow each other come over one connection, or nothing is tested.
  const before = await ask(chain, '/first')
  const after = await ask(chain, '/second')
  if (before.fault !== '' || after.fault !== '' || before.connection !== after.connection)
    faults.push(`${chain.name}: two clients do not share a connection: ${before.fault} ${after.fault}`)
  let passed = 0
  for (const payload of payloads) {
    const fault = await attackOnce(chain, payload, count)
    if (fault === '') passed += 1
    else faults.push(`${chain.name}: ${payload.name}\n  ${fault}`)
    if (faults.length >= enoughFaults) break
  }
  console.log(`smuggling: ${chain.name}: ${passed} of ${payloads.length}`)
  return { passed, faults }
}

/** What is wrong after one payload; empty when nothing is. */
async function attackOnce(chain: Chain, payload: Payload, count: { asked: number; smuggled: number }): Promise<string> {
  await attack(chain.port, payload.text)
  for (let turn = 0; turn < 2; turn += 1) {
    count.asked += 1
    const path = `/canary/${count.asked}`
    const { fault, smuggled } = await ask(chain, path)
    if (fault !== '') return fault
    const more = smuggled - count.smuggled
    count.smuggled = smuggled
    if (more > 0 && chain.weftFirst) return 'the hidden request reached the server'
  }
  return ''
}

/** Sends octets and resolves when something came back, the connection ended, or nothing happened. */
function attack(port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes, 'latin1'))
    const done = (): void => {
      socket.destroy()
      resolve()
    }
    socket.setTimeout(silenceMs, done)
    socket.on('data', done)
    socket.on('end', done)
    socket.on('error', done)
  })
}

interface CanaryAnswer {
  readonly fault: string
  readonly smuggled: number
  /** Port from which it reached the server. */
  readonly connection: string
}

/** Asks for a path of its own on a new connection. */
async function ask({ port, patienceMs }: Chain, path: string): Promise<CanaryAnswer> {
  let raw = ''
  for (let tries = 0; tries < canaryTries; tries += 1) {
    raw = await exchange(port, `GET ${path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`, patienceMs)
    if (!lostConnection.has(raw.slice(9, 12))) break
  }
  const { messages, rest } = readMessages(raw, { side: 'responses', ended: true })
  const [message] = messages
  const right = message?.start.startsWith('HTTP/1.1 200') === true && message.body === path && messages.length === 1
  if (!right || rest !== '') return { fault: `${path} got ${JSON.stringify(raw)}`, smuggled: 0, connection: '' }
  const connection = valueOf(message, 'x-connection') ?? ''
  return { fault: '', smuggled: Number(valueOf(message, 'x-smuggled')), connection }
}

/** Sends text and reads to the end of the connection. */
function exchange(port: number, text: string, patienceMs: number): Promise<string> {
  return new Promise((resolve) => {
    let raw = ''
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(text, 'latin1'))
    const done = (): void => {
      socket.destroy()
      resolve(raw)
    }
    socket.setTimeout(patienceMs, done)
    socket.on('data', (part) => (raw += part.toString('latin1')))
    socket.on('end', done)
    socket.on('error', done)
  })
}
