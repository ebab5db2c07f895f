import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { create } from '@bufbuild/protobuf'
import { ChannelCredentials, Client } from '@grpc/grpc-js'
import { createTestAuthority, type TestAuthority } from '../../../test/harness/mesh-certificates.ts'
import { waitUntil } from '../../../test/harness/wait-until.ts'
import { deltaMethod, sotwMethod } from '../ads-methods.ts'
import { NodeSchema } from '../generated/envoy/config/core/v3/base_pb.ts'
import { DeltaDiscoveryRequestSchema } from '../generated/envoy/service/discovery/v3/discovery_pb.ts'
import { TypeUrl, type XdsType } from '../names.ts'
import type { XdsResource, XdsSnapshot } from '../resource.ts'
import { type AdsClient, type AdsServer, createAdsServer, type ServerIdentity } from '../server/index.ts'
import { type AdsConnection, openAdsConnection } from './ads-connection.ts'
import { createChannelCredentials } from './channel-credentials.ts'
import type { ReceivedUpdate } from './contract.ts'
import { createDeltaProtocol } from './delta-protocol.ts'
import { renewCertificate } from './renew-certificate.ts'
import { createSotwProtocol } from './sotw-protocol.ts'

const { cluster: CDS, endpoints: EDS, listener: LDS } = TypeUrl
const proxyId = 'spiffe://cluster.local/ns/default/sa/reviews'
const planeId = 'spiffe://cluster.local/ns/weft-system/sa/control-plane'

const address = '127.0.0.1:15012'
let ca: TestAuthority
let planeIdentity: ServerIdentity
let proxyIdentity: ServerIdentity

beforeAll(async () => {
  ca = await createTestAuthority()
  const identityOf = async (spiffeId: string): Promise<ServerIdentity> => {
    return { ...(await ca.issue(spiffeId)), trustBundle: ca.authority.trustBundle }
  }
  planeIdentity = await identityOf(planeId)
  proxyIdentity = await identityOf(proxyId)
})
afterAll(() => ca[Symbol.asyncDispose]())

function resource(typeUrl: XdsType, name: string, version = '1'): XdsResource {
  // Field 1, length-delimited: the name, as all resources have it.
  const bytes = Buffer.concat([
    Buffer.from([0x0a, name.length]),
    Buffer.from(name),
    Buffer.from([0x98, 0x3f, version.length]),
  ])
  return { typeUrl, name, version, bytes, origins: [] }
}

function snapshotOf(...resources: readonly XdsResource[]): XdsSnapshot {
  const snapshot = new Map<XdsType, Map<string, XdsResource>>()
  for (const entry of resources) {
    const byName = snapshot.get(entry.typeUrl) ?? new Map<string, XdsResource>()
    snapshot.set(entry.typeUrl, byName.set(entry.name, entry))
  }
  return snapshot
}

interface Plane extends AsyncDisposable {
  readonly server: AdsServer
  readonly log: string[]
  readonly clients: AdsClient[]
  current: { snapshot: XdsSnapshot; revision: number }
}

/** A control plane that gives every proxy the same snapshot and notes what it is told. */
async function startPlane(snapshot: XdsSnapshot, port = 0): Promise<Plane> {
  const log: string[] = []
  const clients: AdsClient[] = []
  const plane = { log, clients, current: { snapshot, revision: 1 } }
  const server = await createAdsServer({
    host: '127.0.0.1',
    port,
    identity: planeIdentity,
    renew: async ({ spiffeId }, { csr }) => ({ certificateChain: `${spiffeId} ${csr}`, trustBundle: 'bundle' }),
    callbacks: {
      onConnect: (client) => {
        log.push(`connect ${client.node.id} ${client.identity.spiffeId}`)
        if (client.node.id === 'stranger') return { accept: false, message: 'Unknown workload stranger' }
        clients.push(client)
        client.setSnapshot(plane.current)
        return { accept: true }
      },
      onInterest: (_, authorities) => log.push(`interest ${[...authorities].join()}`),
      onState: (_, state) => log.push(`revision ${state.acknowledgedRevision} rejected ${state.rejections.length}`),
      onDisconnect: (client) => log.push(`disconnect ${client.node.id}`),
    },
  })
  return Object.assign(plane, { server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() })
}

function credentials() {
  return createChannelCredentials({
    address,
    trustBundle: proxyIdentity.trustBundle,
    certificate: proxyIdentity,
    serverNames: [{ type: 'uri', kind: 'exact', value: planeId }],
  })
}

function connect(port: number, options: { id?: string; refuse?: string; credentials?: typeof credentials } = {}) {
  const protocol = createDeltaProtocol(create(NodeSchema, { id: options.id ?? 'reviews-1' }))
  const updates: string[] = []
  const status: string[] = []
  protocol.subscribe(CDS, ['*'])
  protocol.subscribe(LDS, ['*'])
  const apply = ({ typeUrl, resources, removed }: ReceivedUpdate) => {
    const names = [...resources.map(({ name, version }) => `${name}@${version}`), ...removed.map((name) => `-${name}`)]
    updates.push([typeUrl.split('.').at(-1), ...names].join(' '))
    return resources.filter(({ name }) => name === options.refuse).map(({ name }) => ({ name, message: 'field: bad' }))
  }
  const connection = openAdsConnection({
    address: () => `127.0.0.1:${port}`,
    credentials: options.credentials ?? credentials,
    method: deltaMethod,
    protocol,
    apply,
    onStatus: (connected, reason) => status.push(connected ? 'connected' : reason),
    random: () => 0,
    baseBackoffMs: 10,
    maxBackoffMs: 50,
  })
  return { connection, protocol, updates, status }
}

describe('ADS over gRPC with mutual TLS', () => {
  test('a proxy gets its snapshot, the plane its identity and the acknowledged revision', async () => {
    await using plane = await startPlane(snapshotOf(resource(CDS, 'a'), resource(LDS, 'l')))
    const { connection, updates } = connect(plane.server.port)
    await using _: AdsConnection = connection
    await waitUntil('acknowledged', () => plane.log.includes('revision 1 rejected 0'))
    expect(updates).toEqual(['Cluster a@1', 'Listener l@1'])
    expect(plane.log[0]).toBe(`connect reviews-1 ${proxyId}`)
  })

  test('after a lost connection only differences are sent', async () => {
    const first = await startPlane(snapshotOf(resource(CDS, 'a'), resource(CDS, 'b'), resource(LDS, 'l')))
    const { connection, updates, status } = connect(first.server.port)
    await using _: AdsConnection = connection
    await waitUntil('first acknowledged', () => first.log.includes('revision 1 rejected 0'))
    await first[Symbol.asyncDispose]()
    await waitUntil('loss noticed', () => status.some((text) => text !== 'connected'))
    updates.length = 0
    await using second = await startPlane(
      snapshotOf(resource(CDS, 'a'), resource(CDS, 'c'), resource(LDS, 'l')),
      first.server.port,
    )
    await waitUntil('second acknowledged', () => second.log.includes('revision 1 rejected 0'))
    expect(updates).toEqual(['Cluster c@1', 'Cluster -b'])
  })

  test('a reconnecting proxy that holds everything is told that it is connected and sent nothing', async () => {
    await using plane = await startPlane(snapshotOf(resource(CDS, 'a'), resource(LDS, 'l')))
    const { connection, updates, status } = connect(plane.server.port)
    await using _: AdsConnection = connection
    await waitUntil('acknowledged', () => plane.log.includes('revision 1 rejected 0'))
    updates.length = 0
    plane.log.length = 0
    connection.reconnect()
    await waitUntil('acknowledged again', () => plane.log.includes('revision 1 rejected 0'))
    await waitUntil('connected again', () => status.filter((text) => text === 'connected').length === 2)
    expect(updates).toEqual([])
  })

  test('a refused resource is reported by name and the others stand', async () => {
    await using plane = await startPlane(snapshotOf(resource(CDS, 'good'), resource(CDS, 'bad'), resource(LDS, 'l')))
    const { connection } = connect(plane.server.port, { refuse: 'bad' })
    await using _: AdsConnection = connection
    await waitUntil('rejected', () => plane.clients[0]?.state().rejections.length === 1)
    expect(plane.clients[0]?.state().rejections[0]).toMatchObject({
      resources: ['bad'],
      message: 'Cluster bad: field: bad',
    })
  })

  test('virtual hosts are asked for on demand and answered when the plane knows', async () => {
    await using plane = await startPlane(snapshotOf(resource(LDS, 'l')))
    const { connection, protocol, updates } = connect(plane.server.port)
    await using _: AdsConnection = connection
    protocol.subscribe(TypeUrl.virtualHost, ['http_proxy/reviews:9080'])
    connection.flush()
    await waitUntil('interest told', () => plane.log.includes('interest reviews:9080'))
    await waitUntil('absence answered', () => updates.includes('VirtualHost -http_proxy/reviews:9080'))
  })

  test('a refused proxy learns why and is never sent anything', async () => {
    await using plane = await startPlane(snapshotOf(resource(CDS, 'a')))
    const { connection, updates, status } = connect(plane.server.port, { id: 'stranger' })
    await using _: AdsConnection = connection
    await waitUntil('refusal seen', () => status.some((text) => text.includes('Unknown workload stranger')))
    expect(updates).toEqual([])
    expect(plane.log).not.toContain('disconnect stranger')
  })

  test('a client without a certificate gets no stream', async () => {
    await using plane = await startPlane(snapshotOf(resource(CDS, 'a')))
    const bare = () =>
      createChannelCredentials({
        address,
        trustBundle: proxyIdentity.trustBundle,
        certificate: undefined,
        serverNames: [],
      })
    const { connection, status } = connect(plane.server.port, { credentials: bare })
    await using _: AdsConnection = connection
    await waitUntil('failure seen', () => status.length > 0)
    expect(status).not.toContain('connected')
    expect(plane.log).toEqual([])
  })

  test('a control plane of another name is refused by the client', async () => {
    await using plane = await startPlane(snapshotOf(resource(CDS, 'a')))
    const strict = () => {
      const serverNames = [{ type: 'uri', kind: 'exact', value: `${planeId}-other` }] as const
      return createChannelCredentials({
        address,
        trustBundle: proxyIdentity.trustBundle,
        certificate: proxyIdentity,
        serverNames,
      })
    }
    const { connection, status } = connect(plane.server.port, { credentials: strict })
    await using _: AdsConnection = connection
    await waitUntil('failure seen', () => status.length > 0)
    expect(plane.log).toEqual([])
  })

  test('a new server certificate is served to new connections while old streams live on', async () => {
    await using plane = await startPlane(snapshotOf(resource(CDS, 'a'), resource(LDS, 'l')))
    const old = connect(plane.server.port)
    await using _: AdsConnection = old.connection
    await waitUntil('first connected', () => old.status.includes('connected'))
    const otherId = `${planeId}-2`
    plane.server.setIdentity({ ...(await ca.issue(otherId)), trustBundle: ca.authority.trustBundle })
    const wantsNew = () => {
      const serverNames = [{ type: 'uri', kind: 'exact', value: otherId }] as const
      return createChannelCredentials({
        address,
        trustBundle: proxyIdentity.trustBundle,
        certificate: proxyIdentity,
        serverNames,
      })
    }
    const fresh = connect(plane.server.port, { credentials: wantsNew })
    await using __: AdsConnection = fresh.connection
    await waitUntil('second connected', () => fresh.status.includes('connected'))
    expect(old.status).toEqual(['connected'])
    // Still mutual: the swap must not have dropped the demand for a client certificate.
    const bare = () =>
      createChannelCredentials({
        address,
        trustBundle: proxyIdentity.trustBundle,
        certificate: undefined,
        serverNames: [],
      })
    const anonymous = connect(plane.server.port, { credentials: bare })
    await using ___: AdsConnection = anonymous.connection
    await waitUntil('failure seen', () => anonymous.status.length > 0)
    expect(anonymous.status).not.toContain('connected')
  })

  test('a client that does not read blocks nobody else', async () => {
    const big = (version: string) => {
      const blob = Buffer.alloc(1024 * 1024, version)
      return [0, 1, 2, 3].map((index) => ({ ...resource(EDS, `e${index}`, version), bytes: blob }))
    }
    await using plane = await startPlane(snapshotOf(...big('1')))
    const secured = ChannelCredentials.createSsl(
      Buffer.from(proxyIdentity.trustBundle),
      Buffer.from(proxyIdentity.privateKey),
      Buffer.from(proxyIdentity.certificateChain),
      { checkServerIdentity: () => undefined },
    )
    const client = new Client(`127.0.0.1:${plane.server.port}`, secured, {
      'grpc.ssl_target_name_override': 'localhost',
    })
    const stuck = client.makeBidiStreamRequest(
      deltaMethod.path,
      deltaMethod.requestSerialize,
      deltaMethod.responseDeserialize,
    )
    stuck.on('error', () => {})
    stuck.pause()
    const node = create(NodeSchema, { id: 'stuck' })
    stuck.write(create(DeltaDiscoveryRequestSchema, { node, typeUrl: EDS, resourceNamesSubscribe: ['*'] }))
    await waitUntil('stuck client connected', () => plane.clients.length === 1)
    for (let version = 2; version < 30; version += 1) {
      plane.clients[0]?.setSnapshot({ snapshot: snapshotOf(...big(String(version))), revision: version })
    }
    const { connection, updates } = connect(plane.server.port)
    await using _: AdsConnection = connection
    await waitUntil('the other one served', () => updates.includes('Listener'))
    expect(plane.clients[0]?.state().types.find(({ typeUrl }) => typeUrl === EDS)).toMatchObject({
      state: 'sent',
      resources: 0,
    })
    stuck.cancel()
    client.close()
  })

  test('Renew answers for the identity that the certificate proves', async () => {
    await using plane = await startPlane(snapshotOf())
    const answer = await renewCertificate({
      address: `127.0.0.1:${plane.server.port}`,
      credentials: credentials(),
      csr: 'request',
    })
    expect(answer).toEqual({ certificateChain: `${proxyId} request`, trustBundle: 'bundle' })
  })

  test('a state-of-the-world client gets everything and learns removals by omission', async () => {
    await using plane = await startPlane(
      snapshotOf(resource(CDS, 'a'), resource(CDS, 'b'), resource(EDS, 'e'), resource(LDS, 'l')),
    )
    const protocol = createSotwProtocol(create(NodeSchema, { id: 'sotw-1' }))
    const updates: string[] = []
    protocol.subscribe(CDS, ['*'])
    protocol.subscribe(EDS, ['e'])
    protocol.subscribe(LDS, ['*'])
    await using _: AdsConnection = openAdsConnection({
      address: () => `127.0.0.1:${plane.server.port}`,
      credentials,
      method: sotwMethod,
      protocol,
      apply: ({ typeUrl, resources, removed }) => {
        updates.push(
          [typeUrl.split('.').at(-1), ...resources.map(({ name }) => name), ...removed.map((name) => `-${name}`)].join(
            ' ',
          ),
        )
        return []
      },
      onStatus: () => {},
      random: () => 0,
    })
    await waitUntil('acknowledged', () => plane.log.includes('revision 1 rejected 0'))
    expect(updates).toEqual(['Cluster a b', 'ClusterLoadAssignment e', 'Listener l'])
    plane.clients[0]?.setSnapshot({ snapshot: snapshotOf(resource(CDS, 'b'), resource(LDS, 'l')), revision: 2 })
    await waitUntil('removal acknowledged', () => plane.log.includes('revision 2 rejected 0'))
    expect(updates.at(-1)).toBe('Cluster b -a')
  })
})
