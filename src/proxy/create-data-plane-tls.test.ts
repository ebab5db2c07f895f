import { afterEach, beforeAll, expect, test } from 'bun:test'
import { createTestAuthority, type TestAuthority } from '../net/certificates.fixture.ts'
import {
  connectTestClient,
  createEchoOwner,
  createRecordingOwner,
  createTestServer,
  until,
} from '../net/sockets.fixture.ts'
import type { SocketOwner } from '../net/index.ts'
import type { ClientTlsConfig, ServerTlsConfig } from './config/index.ts'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import {
  createFakeTelemetry,
  type FakeTelemetry,
  testChain,
  testCluster,
  testEndpoint,
  testListener,
  testTcpProxy,
} from './data-plane-configs.fixture.ts'

const REVIEWS = 'spiffe://cluster.local/ns/prod/sa/reviews'
const PAGE = 'spiffe://cluster.local/ns/default/sa/productpage'

const serverTls: ServerTlsConfig = {
  certificate: { kind: 'named', name: 'default' },
  validation: { kind: 'named', name: 'ROOTCA' },
  subjectAltNames: [{ type: 'uri', match: { kind: 'prefix', value: 'spiffe://cluster.local/' } }],
  requireClientCertificate: true,
  alpn: ['istio'],
  minVersion: 'TLSv1.3',
}

const clientTls: ClientTlsConfig = {
  certificate: { kind: 'named', name: 'default' },
  validation: { kind: 'named', name: 'ROOTCA' },
  subjectAltNames: [{ type: 'uri', match: { kind: 'exact', value: REVIEWS } }],
  sni: 'reviews.prod.svc.cluster.local',
  alpn: ['istio'],
  minVersion: 'TLSv1.3',
}

let authority: TestAuthority
beforeAll(async () => {
  authority = await createTestAuthority()
})

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Side {
  readonly plane: DataPlane
  readonly telemetry: FakeTelemetry
  readonly lines: string[]
}

function side(workload: string, namespace: string): Side {
  const telemetry = createFakeTelemetry()
  const lines: string[] = []
  const plane = createDataPlane({
    node: { id: workload, name: workload, namespace, workload, clusterId: 'weft', labels: {} },
    telemetry,
    createHttpServer: () => {
      throw new Error('no HTTP in this test')
    },
    accessLog: {
      write: (_path, line) => void lines.push(line.trim()),
      dropped: () => 0,
      reopen: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  })
  cleanups.push(async () => plane[Symbol.asyncDispose]())
  return { plane, telemetry, lines }
}

async function listen(target: DataPlane, config: Parameters<DataPlane['putListener']>[0]): Promise<number> {
  const bound = await target.putListener(config)
  if (!bound.ok) throw new Error(bound.error.message)
  return bound.value.port
}

async function giveIdentity(plane: DataPlane, uri: string, from = authority, bundle = from.bundle): Promise<void> {
  plane.putSecret({ kind: 'certificate', name: 'default', certificate: await from.issue({ uris: [uri] }) })
  plane.putSecret({ kind: 'validation', name: 'ROOTCA', validation: { trustedCa: bundle, subjectAltNames: [] } })
}

/** client -> outbound listener (plain) -> cluster with mTLS -> inbound listener -> application. */
async function pair(): Promise<{
  readonly client: Side
  readonly server: Side
  readonly outboundPort: number
  readonly inboundPort: number
  readonly application: ReturnType<typeof createTestServer>
}> {
  const application = createTestServer(() => createEchoOwner('>'))
  cleanups.push(() => application[Symbol.dispose]())
  const client = side('productpage-v1', 'default')
  const server = side('reviews-v1', 'prod')
  server.plane.putCluster(
    testCluster('inbound', {
      endpoints: [testEndpoint(application.port)],
      destination: { host: 'reviews.prod.svc.cluster.local', name: 'reviews', namespace: 'prod' },
    }),
  )
  const accessLogs = [{ path: '/dev/null', format: '%RESPONSE_CODE_DETAILS%\n', json: undefined }]
  const inboundPort = await listen(
    server.plane,
    testListener('in', [testChain(testTcpProxy('inbound'), { tls: serverTls })], { direction: 'inbound', accessLogs }),
  )
  client.plane.putCluster(testCluster('outbound', { endpoints: [testEndpoint(inboundPort)], tls: clientTls }))
  const outboundPort = await listen(client.plane, testListener('out', [testChain(testTcpProxy('outbound'))]))
  return { client, server, outboundPort, inboundPort, application }
}

test('two data planes speak mutual TLS and each reports its end of the edge', async () => {
  const { client, server, outboundPort } = await pair()
  expect([client.plane.secretsComplete(), server.plane.secretsComplete()]).toEqual([false, false])
  await giveIdentity(client.plane, PAGE)
  await giveIdentity(server.plane, REVIEWS)
  expect([client.plane.secretsComplete(), server.plane.secretsComplete()]).toEqual([true, true])
  const owner = createRecordingOwner()
  const socket = await connectTestClient(outboundPort, owner)
  socket.write('hello')
  await until(() => owner.text() === '>hello', 'the echo')
  socket.end()
  await until(() => [client, server].every(({ telemetry }) => telemetry.edges[0]?.closed === 1), 'both reports')
  expect(client.telemetry.edges[0]).toMatchObject({
    sent: 6,
    received: 5,
    labels: {
      reporter: 'source',
      sourcePrincipal: PAGE,
      destinationPrincipal: REVIEWS,
      connectionSecurityPolicy: 'unknown',
    },
  })
  expect(server.telemetry.edges[0]).toMatchObject({
    sent: 6,
    received: 5,
    labels: {
      reporter: 'destination',
      sourcePrincipal: PAGE,
      sourceNamespace: 'default',
      destinationPrincipal: REVIEWS,
      destinationWorkload: 'reviews-v1',
      destinationServiceName: 'reviews',
      connectionSecurityPolicy: 'mutual_tls',
    },
  })
})

test('a large transfer between plain text and TLS arrives as it was sent, both ways', async () => {
  // Moving within the kernel passes by TLS: these connections must be left out.
  const { client, server, outboundPort, application } = await pair()
  await giveIdentity(client.plane, PAGE)
  await giveIdentity(server.plane, REVIEWS)
  const block = Buffer.from(Array.from({ length: 3 * 1024 * 1024 }, (_, index) => (index * 31) >> 7))
  const near = createCopy(block)
  const socket = await connectTestClient(outboundPort, near.owner)
  await until(() => application.sockets.length === 1, 'the application')
  const far = createCopy(block)
  const [accepted] = application.sockets
  if (accepted === undefined) throw new Error('no socket')
  accepted.data = far.owner
  near.owner.onDrain(socket)
  far.owner.onDrain(accepted)
  await until(() => near.received() === block.length && far.received() === block.length, 'all bytes', 20_000)
  expect([near.isSame(), far.isSame()]).toEqual([true, true])
  socket.terminate()
}, 30_000)

/** Sends a block and keeps what comes. */
function createCopy(block: Uint8Array) {
  const kept = Buffer.alloc(block.length)
  let [sent, received] = [0, 0]
  const owner: SocketOwner = {
    onData(_socket, bytes) {
      kept.set(bytes.subarray(0, kept.length - received), received)
      received += bytes.length
    },
    onDrain(socket) {
      while (sent < block.length) {
        const taken = socket.write(block, sent, block.length - sent)
        if (taken <= 0) return
        sent += taken
      }
    },
    onEnd: () => undefined,
    onClose: () => undefined,
  }
  return { owner, received: () => received, isSame: () => kept.equals(block) }
}

test('without secrets nothing passes, in neither direction', async () => {
  const { client, server, outboundPort, inboundPort, application } = await pair()
  const owner = createRecordingOwner()
  const direct = await connectTestClient(inboundPort, owner)
  direct.write('plain')
  await until(() => owner.closed, 'the inbound listener to refuse')
  await giveIdentity(server.plane, REVIEWS)
  const through = createRecordingOwner()
  await connectTestClient(outboundPort, through)
  await until(() => through.closed, 'the outbound cluster to refuse')
  const plain = createRecordingOwner()
  const socket = await connectTestClient(inboundPort, plain)
  socket.write('GET / HTTP/1.1\r\n\r\n')
  await until(() => plain.closed, 'plain text to be refused')
  expect(plain.text()).not.toContain('>')
  expect(application.sockets).toHaveLength(0)
  await until(() => server.lines.length === 2, 'both refusals in the log')
  expect(server.lines[0]).toContain('tls_not_ready')
  expect(server.lines[1]).toContain('tls_handshake_failed')
  expect(client.plane.secretsComplete()).toBe(false)
})

test('the certificate and the root are rotated without a new listener and without a lost connection', async () => {
  const { client, server, outboundPort } = await pair()
  await giveIdentity(client.plane, PAGE)
  await giveIdentity(server.plane, REVIEWS)
  const before = createRecordingOwner()
  const socket = await connectTestClient(outboundPort, before)
  socket.write('1')
  await until(() => before.text() === '>1', 'the first echo')

  const next = await createTestAuthority('next')
  const both = `${authority.bundle}\n${next.bundle}`
  const echo = async (): Promise<string> => {
    const owner = createRecordingOwner()
    const fresh = await connectTestClient(outboundPort, owner)
    fresh.write('x')
    await until(() => owner.text() !== '' || owner.closed, 'an answer')
    fresh.end()
    return owner.text()
  }
  // Trust first, then use, then drop: each step with one side ahead of the other.
  await giveIdentity(server.plane, REVIEWS, authority, both)
  expect(await echo()).toBe('>x')
  await giveIdentity(client.plane, PAGE, authority, both)
  await giveIdentity(server.plane, REVIEWS, next, both)
  expect(await echo()).toBe('>x')
  await giveIdentity(client.plane, PAGE, next, next.bundle)
  await giveIdentity(server.plane, REVIEWS, next, next.bundle)
  expect(await echo()).toBe('>x')
  await giveIdentity(client.plane, PAGE, authority, both)
  expect(await echo()).toBe('')

  socket.write('2')
  await until(() => before.text() === '>1>2', 'the first connection to live on')
  socket.end()
})

test('a server of another identity gets no byte of the client', async () => {
  const { client, server, outboundPort, application } = await pair()
  await giveIdentity(client.plane, PAGE)
  await giveIdentity(server.plane, 'spiffe://cluster.local/ns/prod/sa/impostor')
  const owner = createRecordingOwner()
  const socket = await connectTestClient(outboundPort, owner)
  socket.write('secret')
  await until(() => owner.closed, 'the refusal')
  expect(application.sockets).toHaveLength(0)
  expect(client.plane.describe().clusters[0]?.endpoints[0]?.connections).toBe(0)
  await until(() => server.plane.describe().listeners[0]?.connections === 0, 'the refused connection to be gone')
})

test('describe() counts TLS connections once and returns to nothing', async () => {
  const { client, server, outboundPort } = await pair()
  await giveIdentity(client.plane, PAGE)
  await giveIdentity(server.plane, REVIEWS)
  const owners = Array.from({ length: 5 }, () => createRecordingOwner())
  const sockets = await Promise.all(owners.map((owner) => connectTestClient(outboundPort, owner)))
  for (const socket of sockets) socket.write('x')
  await until(() => owners.every((owner) => owner.text() === '>x'), 'the echoes')
  expect(server.plane.describe().listeners[0]?.connections).toBe(5)
  for (const [index, socket] of sockets.entries()) {
    if (index % 2 === 0) socket.terminate()
    else socket.end()
  }
  await until(() => server.plane.describe().listeners[0]?.connections === 0, 'the connections to be gone')
  await until(() => client.plane.describe().clusters[0]?.endpoints[0]?.connections === 0, 'the upstream ones too')
})
