/** A control plane for tests that gives every proxy the resources it is told, virtual hosts only to who asked for them. */
import { TypeUrl, type XdsResource } from '../../src/xds/index.ts'
import { type AdsClient, type AdsServer, createAdsServer, type StreamState } from '../../src/xds/server/index.ts'
import { freePort } from './free-port.ts'
import { createTestAuthority, type TestAuthority } from './mesh-certificates.ts'
import { testSnapshot } from './xds-resources.ts'

/** A running control plane of hand-written resources. */
export interface TestControlPlane extends AsyncDisposable {
  readonly ca: TestAuthority
  readonly server: AdsServer
  readonly spiffeId: string
  /** Of the newest stream. */
  readonly state: () => StreamState | undefined
  readonly interests: string[]
  /** Replaces what everyone gets and answers the new revision. */
  readonly set: (resources: readonly XdsResource[]) => number
  readonly connected: () => number
  /** Ends the server; `ca` stays. */
  readonly stop: () => Promise<void>
  readonly restart: () => Promise<void>
}

/** Starts a control plane on a free port; its certificate is for `127.0.0.1` and its SPIFFE id, under a root of that age. */
export async function startTestControlPlane(rootAgeMs = 0): Promise<TestControlPlane> {
  const ca = await createTestAuthority(rootAgeMs)
  const spiffeId = 'spiffe://cluster.local/ns/weft-system/sa/control-plane'
  const identity = { ...(await ca.issue(spiffeId)), trustBundle: ca.authority.trustBundle }
  const interests: string[] = []
  const clients = new Map<AdsClient, ReadonlySet<string>>()
  let resources: readonly XdsResource[] = []
  let revision = 0
  let last: AdsClient | undefined

  const push = (client: AdsClient): void => {
    const authorities = clients.get(client) ?? new Set()
    const wanted = resources.filter(({ typeUrl, name }) => {
      return typeUrl !== TypeUrl.virtualHost || authorities.has(name.slice('http_proxy/'.length))
    })
    client.setSnapshot({ snapshot: testSnapshot(wanted), revision, authorities })
  }
  const start = (port: number): Promise<AdsServer> => {
    return createAdsServer({
      host: '127.0.0.1',
      port,
      identity,
      renew: async ({ spiffeId: id }, { csr }) => {
        const issued = await ca.authority.issue(csr, id)
        if (!issued.ok) throw issued.error
        return { certificateChain: issued.value.certificateChain, trustBundle: ca.authority.trustBundle }
      },
      callbacks: {
        onConnect: (client) => {
          last = client
          clients.set(client, new Set())
          push(client)
          return { accept: true }
        },
        onInterest: (client, authorities) => {
          interests.push([...authorities].toSorted().join())
          clients.set(client, authorities)
          push(client)
        },
        onState: () => {},
        onDisconnect: (client) => clients.delete(client),
      },
    })
  }
  let server = await start(await freePort())
  return {
    ca,
    get server() {
      return server
    },
    spiffeId,
    state: () => last?.state(),
    interests,
    set: (next) => {
      resources = next
      revision += 1
      for (const client of clients.keys()) push(client)
      return revision
    },
    connected: () => clients.size,
    stop: async () => {
      await server[Symbol.asyncDispose]()
    },
    restart: async () => {
      server = await start(server.port)
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await ca[Symbol.asyncDispose]()
    },
  }
}
