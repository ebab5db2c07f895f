/** The processes of a soak: applications, control plane and proxies, with what is needed to break and to watch them. */
import { mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@bufbuild/protobuf'

import { parentVariable } from '../../src/cli/end-with-parent.ts'
import { ClusterSchema } from '../../src/xds/generated/envoy/config/cluster/v3/cluster_pb.ts'
import { ListenerSchema } from '../../src/xds/generated/envoy/config/listener/v3/listener_pb.ts'
import { SecretSchema } from '../../src/xds/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { TypeUrl } from '../../src/xds/index.ts'
import { freePort } from '../../test/harness/free-port.ts'
import { runWeft, self } from '../../test/harness/run-weft.ts'
import { startTestControlPlane, type TestControlPlane } from '../../test/harness/test-control-plane.ts'
import { waitUntil } from '../../test/harness/wait-until.ts'
import { testResource } from '../../test/harness/xds-resources.ts'
import { waitForPort } from '../rig/process.ts'
import {
  clientBootstrap,
  gatewayBootstrap,
  gatewayListeners,
  type IdentityFiles,
  serverBootstrap,
  type SoakPorts,
  upstreamClusters,
} from './bootstraps.ts'
import { startMisbehavingUpstream } from './misbehaving-upstream.ts'

/** A proxy of the run. */
export interface SoakProxy {
  readonly name: 'client' | 'server' | 'gateway'
  readonly adminPort: number
  /** Of the process that serves now. */
  readonly pid: () => number
  readonly signal: (name: NodeJS.Signals) => void
}

/** Everything that runs. */
export interface Rig extends AsyncDisposable {
  readonly folder: string
  readonly ports: SoakPorts
  readonly proxies: readonly SoakProxy[]
  readonly plane: TestControlPlane
  /** Kills the application with SIGKILL. */
  readonly killUpstream: () => Promise<void>
  readonly startUpstream: () => Promise<void>
  readonly signalUpstream: (name: NodeJS.Signals) => void
  /** Gives the gateway its listeners anew, with a new revision; resolves when it serves them. */
  readonly changeGateway: (extra: boolean) => Promise<void>
  /** A new certificate for the gateway over ADS and new files for the two sidecars; resolves when all use them. */
  readonly rotateCertificates: () => Promise<void>
  /** Whether `weft proxy` of this checkout can replace itself. */
  readonly canHotRestart: boolean
  /** Replaces the server-side proxy; resolves when the one before has ended. */
  readonly hotRestart: () => Promise<void>
}

async function choosePorts(pressureFile: string): Promise<SoakPorts> {
  const ports: number[] = []
  for (let index = 0; index < 14; index += 1) ports.push(await freePort())
  const [client = 0, server = 0, gatewayTls = 0, gatewayTcp = 0, gatewayUdp = 0, gatewayExtra = 0, ...more] = ports
  const [http = 0, grpc = 0, tcp = 0, udp = 0, bad = 0, adminClient = 0, adminServer = 0, adminGateway = 0] = more
  return {
    ...{ client, server, gatewayTls, gatewayTcp, gatewayUdp, gatewayExtra },
    ...{ http, grpc, tcp, udp, bad, adminClient, adminServer, adminGateway, pressureFile },
  }
}

/** Text of a page of an admin interface. */
export async function askAdmin(port: number, path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    keepalive: false,
    signal: AbortSignal.timeout(5000),
  })
  return answer.text()
}

/** Starts everything; resolves when all proxies are ready. */
export async function startRig(): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-soak-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const ports = await choosePorts(join(folder, 'pressure'))
  writeFileSync(ports.pressureFile, '0')
  const plane = stack.use(await startTestControlPlane())
  const bad = await startMisbehavingUpstream(ports.bad)
  stack.defer(() => void bad.close())
  const upstream = new Upstream(ports, folder)
  stack.defer(() => upstream.kill())
  await upstream.start()
  const identities = new Identities(plane, folder)
  const gateway = new GatewayConfig(plane, ports, identities)
  await identities.write('client')
  await identities.write('server')
  await identities.write('gateway')
  await gateway.renew()
  const canHotRestart = (await runWeft(['proxy', '--help'])).stdout.includes('--hot-restart')
  const bootstraps = {
    client: clientBootstrap(ports, identities.files('client')),
    server: serverBootstrap(ports, identities.files('server')),
    gateway: gatewayBootstrap(ports, plane.server.port, identities.files('gateway')),
  }
  const start = (name: 'client' | 'server' | 'gateway', adminPort: number): ProxyProcess =>
    stack.use(new ProxyProcess({ name, adminPort, folder, bootstrap: bootstraps[name], canHotRestart }))
  const server = start('server', ports.adminServer)
  const proxies = [start('client', ports.adminClient), server, start('gateway', ports.adminGateway)]
  for (const proxy of proxies) await proxy.untilReady()
  const running = stack.move()
  return {
    folder,
    ports,
    proxies,
    plane,
    killUpstream: () => upstream.kill(),
    startUpstream: () => upstream.start(),
    signalUpstream: (name) => upstream.signal(name),
    changeGateway: (extra) => gateway.change(extra),
    rotateCertificates: async () => {
      // Files are followed since the proxy can replace itself.
      const followed = canHotRestart ? proxies.slice(0, 2) : []
      await Promise.all([gateway.rotate(), ...followed.map((proxy) => rotateFiles(proxy, identities))])
    },
    canHotRestart,
    hotRestart: () => server.hotRestart(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function rotateFiles({ name, adminPort }: ProxyProcess, identities: Identities): Promise<void> {
  const before = await askAdmin(adminPort, '/certs')
  await identities.write(name)
  await waitUntil(`${name} uses its new certificate`, async () => (await askAdmin(adminPort, '/certs')) !== before)
}

/** The application process. */
class Upstream {
  readonly #ports: SoakPorts
  readonly #log: number
  #child: Bun.Subprocess | undefined

  constructor(ports: SoakPorts, folder: string) {
    this.#ports = ports
    this.#log = openSync(join(folder, 'upstream.log'), 'a')
  }

  async start(): Promise<void> {
    const { http, grpc, tcp, udp } = this.#ports
    this.#child = Bun.spawn(
      [process.execPath, join(import.meta.dir, 'upstream.ts'), ...[http, grpc, tcp, udp].map(String)],
      {
        env: { ...process.env, [parentVariable]: String(process.pid) },
        stdin: 'ignore',
        stdout: this.#log,
        stderr: this.#log,
      },
    )
    for (const port of [http, grpc, tcp]) await waitForPort(port, 'the application')
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#child?.exited
  }
}

/** Certificates of the proxies, in files that a rename replaces. */
class Identities {
  readonly #plane: TestControlPlane
  readonly #folder: string

  constructor(plane: TestControlPlane, folder: string) {
    this.#plane = plane
    this.#folder = folder
  }

  issue(name: string): Promise<{ readonly certificateChain: string; readonly privateKey: string }> {
    return this.#plane.ca.issue(`spiffe://cluster.local/ns/default/sa/${name}`)
  }

  files(name: string): IdentityFiles {
    const file = (suffix: string): string => join(this.#folder, `${name}.${suffix}`)
    return { certificate: file('pem'), key: file('key'), ca: file('ca.pem') }
  }

  async write(name: string): Promise<void> {
    const { certificateChain, privateKey } = await this.issue(name)
    const { certificate, key, ca } = this.files(name)
    const replace = (path: string, text: string): void => {
      writeFileSync(`${path}.new`, text, { mode: 0o600 })
      renameSync(`${path}.new`, path)
    }
    replace(ca, this.#plane.ca.authority.trustBundle)
    replace(key, privateKey)
    replace(certificate, certificateChain)
  }
}

/** What the control plane gives the gateway. */
class GatewayConfig {
  readonly #plane: TestControlPlane
  readonly #ports: SoakPorts
  readonly #identities: Identities
  #secret: JsonObject = {}
  #revision = 0
  #extra = false

  constructor(plane: TestControlPlane, ports: SoakPorts, identities: Identities) {
    this.#plane = plane
    this.#ports = ports
    this.#identities = identities
  }

  /** Issues a certificate and pushes everything. */
  async renew(): Promise<void> {
    const { certificateChain, privateKey } = await this.#identities.issue('gateway')
    this.#secret = {
      name: 'gateway',
      tls_certificate: {
        certificate_chain: { inline_string: certificateChain },
        private_key: { inline_string: privateKey },
      },
    }
    this.#push()
  }

  async rotate(): Promise<void> {
    const before = await askAdmin(this.#ports.adminGateway, '/certs')
    await this.renew()
    await waitUntil('the gateway uses its new certificate', async () => {
      return (await askAdmin(this.#ports.adminGateway, '/certs')) !== before
    })
  }

  async change(extra: boolean): Promise<void> {
    this.#revision += 1
    this.#extra = extra
    this.#push()
    const wanted = `"${this.#revision}"`
    await waitUntil('the gateway has its new listeners', async () => {
      const [dump, listeners] = await Promise.all([
        askAdmin(this.#ports.adminGateway, '/config_dump'),
        askAdmin(this.#ports.adminGateway, '/listeners'),
      ])
      return dump.includes(wanted) && listeners.includes('extra::') === extra
    })
  }

  #push(): void {
    const name = ({ name: text }: JsonObject): string => (typeof text === 'string' ? text : '')
    this.#plane.set([
      ...upstreamClusters(this.#ports).map((json) => testResource(TypeUrl.cluster, ClusterSchema, name(json), json)),
      testResource(TypeUrl.secret, SecretSchema, 'gateway', this.#secret),
      ...gatewayListeners(this.#ports, this.#revision, this.#extra).map((json) =>
        testResource(TypeUrl.listener, ListenerSchema, name(json), json),
      ),
    ])
  }
}

interface ProxyOptions {
  readonly name: 'client' | 'server' | 'gateway'
  readonly adminPort: number
  readonly folder: string
  readonly bootstrap: JsonObject
  readonly canHotRestart: boolean
}

/** One proxy, whose process may be replaced. */
class ProxyProcess implements SoakProxy, AsyncDisposable {
  readonly name: ProxyOptions['name']
  readonly adminPort: number
  readonly #child: Bun.Subprocess
  readonly #logFile: string
  readonly #pidFile: string | undefined
  #pid: number

  constructor({ name, adminPort, folder, bootstrap, canHotRestart }: ProxyOptions) {
    this.name = name
    this.adminPort = adminPort
    this.#logFile = join(folder, `${name}.log`)
    this.#pidFile = canHotRestart ? join(folder, `${name}.pid`) : undefined
    const file = join(folder, `${name}.json`)
    writeFileSync(file, JSON.stringify(bootstrap, null, 2))
    const restartable = [
      '--state-dir',
      join(folder, `${name}-state`),
      '--pid-file',
      this.#pidFile ?? '',
      '--drain-time',
      '20s',
    ]
    const log = openSync(this.#logFile, 'a')
    this.#child = Bun.spawn([...self, 'proxy', '-c', file, ...(canHotRestart ? restartable : [])], {
      // A successor is no child of the rig: it is ended by its process id.
      env: { ...process.env, NO_COLOR: '1' },
      stdin: 'ignore',
      stdout: log,
      stderr: log,
    })
    this.#pid = this.#child.pid
  }

  readonly pid = (): number => this.#pid

  readonly signal = (name: NodeJS.Signals): void => {
    process.kill(this.#pid, name)
  }

  async untilReady(): Promise<void> {
    const isReady = async () => (await askAdmin(this.adminPort, '/ready').catch(() => '')) === 'LIVE\n'
    try {
      await waitUntil(`${this.name} is ready`, isReady, 15_000)
    } catch (cause) {
      throw new Error(`The proxy did not start:\n${readFileSync(this.#logFile, 'utf8')}`, { cause })
    }
  }

  async hotRestart(): Promise<void> {
    const before = this.#pid
    process.kill(before, 'SIGUSR2')
    const pidFile = this.#pidFile ?? ''
    const successor = (): number => Number(readFileSync(pidFile, 'utf8'))
    await waitUntil(`${this.name} has a successor`, () => successor() !== before && successor() > 0, 30_000)
    this.#pid = successor()
    await waitUntil(`the ${this.name} before has ended`, () => !isRunning(before), 40_000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (isRunning(this.#pid)) this.signal('SIGTERM')
    const end = performance.now() + 12_000
    while (isRunning(this.#pid) && performance.now() < end) await Bun.sleep(50)
    if (isRunning(this.#pid)) this.signal('SIGKILL')
  }
}

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}
