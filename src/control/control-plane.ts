import manifest from '../../package.json'
import { MeshError, systemClock } from '../base/index.ts'
import {
  type CertificateAuthority,
  createJoinTokens,
  openCertificateAuthority,
  type ServerCertificate,
} from '../ca/index.ts'
import { compileProxy, createCompileCache } from '../compile/index.ts'
import { parseTrustDomain, spiffeIdOf } from '../identity/index.ts'
import type { MeshSettings } from '../model/index.ts'
import type { Store } from '../store/index.ts'
import { createMemoryStore } from '../store/memory/index.ts'
import { openSqliteStore } from '../store/sqlite/index.ts'
import { createAdsServer, type RenewHandler, type ServerIdentity } from '../xds/server/index.ts'
import { type DataDirectory, openDataDirectory, removeServerFile, writeServerFile } from './data-directory.ts'
import { LiveMesh } from './mesh/index.ts'
import type { ControlPlane, ControlPlaneOptions } from './options.ts'
import { PushEngine } from './push/index.ts'
import { resourceRoutes, startRestServer, statusRoutes, workloadRoutes } from './http/index.ts'
import { ServerCredentials } from './server-credentials.ts'
import { WorkloadRegistry } from './workloads/index.ts'

/** The options with their defaults. */
type Settled = Required<ControlPlaneOptions>

const ownAccount = { namespace: 'weft-system', serviceAccount: 'control-plane' } as const

/**
 * Starts a control plane: store, certificate authority, REST API, ADS. Resolves when both servers listen and
 * `control-plane.json` is written.
 *
 * @throws {MeshError} If a port is taken, the data directory cannot be used, or the trust domain is not the one that the
 *   data directory was made for. Nothing is left open then.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const settled: Settled = {
    apiPort: 15014,
    xdsPort: 15012,
    address: '127.0.0.1',
    trustDomain: 'cluster.local',
    storeKind: 'sqlite',
    clock: systemClock,
    log: (line) => void process.stderr.write(`${line}\n`),
    ...options,
  }
  const trustDomain = parseTrustDomain(settled.trustDomain)
  if (!trustDomain.ok) throw new MeshError('WEFT_CONTROL_TRUST_DOMAIN', trustDomain.error.message)
  // Closes in the reverse order; on a failure below, all that was opened.
  await using opened = new AsyncDisposableStack()
  const plane = await open(settled, opened)
  const resources = opened.move()
  return { ...plane, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

async function open(
  options: Settled,
  stack: AsyncDisposableStack,
): Promise<Omit<ControlPlane, typeof Symbol.asyncDispose>> {
  const { clock, trustDomain, address, log } = options
  const directory = await openDataDirectory(options.dataDir)
  const authority = await openCertificateAuthority({ directory: directory.caDirectory, trustDomain, clock })
  const store = stack.use(openStore(options, directory))
  const settings: MeshSettings = { trustDomain, serviceDomain: 'svc.cluster.local', rootNamespace: 'istio-system' }
  const live = stack.use(new LiveMesh({ store, settings, log }))
  await live.start()
  const registry = stack.use(new WorkloadRegistry({ store, live, clock, trustDomain, log }))
  const cache = createCompileCache()
  const engine = stack.use(new PushEngine({ live, log, compile: (input) => compileProxy(input, cache) }))

  const ownSpiffeId = spiffeIdOf(trustDomain, ownAccount.namespace, ownAccount.serviceAccount)
  const hosts = [...new Set(['localhost', '127.0.0.1', address])].filter((host) => !isWildcard(host))
  const credentials = stack.use(await ServerCredentials.create({ authority, spiffeId: ownSpiffeId, hosts, clock, log }))
  const ads = stack.use(
    await createAdsServer({
      host: address,
      port: options.xdsPort,
      identity: toIdentity(credentials.current, authority),
      callbacks: engine.callbacks,
      renew: createRenewal(authority, live),
    }),
  )
  const reachable = isWildcard(address) ? '127.0.0.1' : address
  const xds = formatAddress(reachable, ads.port)
  const tokens = createJoinTokens(store, clock)
  const rest = stack.use(
    startRestServer({
      host: address,
      port: options.apiPort,
      credentials: credentials.current,
      token: directory.token,
      version: manifest.version,
      log,
      routes: [
        ...resourceRoutes({ store, live, clock }),
        ...workloadRoutes({ registry, live, authority, tokens, xdsAddress: () => xds, ownSpiffeId }),
        ...statusRoutes({ engine, live, version: manifest.version, trustDomain, isReady: () => live.isFollowing }),
      ],
    }),
  )
  credentials.onRenewed((certificate) => {
    ads.setIdentity(toIdentity(certificate, authority))
    rest.setCredentials(certificate)
  })
  const api = `https://${formatAddress(reachable, rest.port)}`
  const content = { api, xds, caFile: authority.bundleFile, tokenFile: directory.tokenFile }
  await writeServerFile(directory.serverFile, content)
  stack.defer(() => removeServerFile(directory.serverFile, content))
  return { api, xds, serverFile: directory.serverFile, trustDomain }
}

function openStore({ storeKind }: Settled, directory: DataDirectory): Store {
  return storeKind === 'memory' ? createMemoryStore() : openSqliteStore(directory.storeFile)
}

function toIdentity(certificate: ServerCertificate, authority: CertificateAuthority): ServerIdentity {
  const { certificateChain, privateKey } = certificate
  return { certificateChain, privateKey, trustBundle: authority.trustBundle }
}

/**
 * Renewal asks nothing but the mTLS peer who it is. An identity that no workload is registered under any more is refused, so
 * that a stolen key ends with its certificate.
 */
function createRenewal(authority: CertificateAuthority, live: LiveMesh): RenewHandler {
  return async ({ spiffeId }, { csr }) => {
    if (!live.workloads().some((workload) => workload.spiffeId === spiffeId)) {
      throw new MeshError('WEFT_CONTROL_FORBIDDEN', `No registered workload has the identity ${spiffeId}`)
    }
    const issued = await authority.issue(csr, spiffeId)
    if (!issued.ok) throw issued.error
    return { certificateChain: issued.value.certificateChain, trustBundle: authority.trustBundle }
  }
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

function formatAddress(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
