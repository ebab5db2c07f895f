/**
 * The composition root of the proxy process: bootstrap, identity, live configuration, data plane, admin interface.
 *
 *     bootstrap -> admin up -> identity (disk, or enrol) -> last good configuration from disk -> ADS -> ready
 *     signal -> drain -> close
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { MeshError, systemClock } from '../base/index.ts'
import { type InheritedSocket, isSameSocket, type SocketName } from '../net/index.ts'
import { createTelemetry, type ProxyTelemetry } from '../telemetry/index.ts'
import { type AdsConnection, type ReceivedUpdate, renewCertificate, type ResourceFault } from '../xds/client/index.ts'
import { secretName, TypeUrl } from '../xds/index.ts'
import { createAdsLink, type AdsLink } from './ads-link.ts'
import { type AdminServer, type ServerState, startAdminServer } from './admin/index.ts'
import {
  type BootstrapConfig,
  type ClusterConfig,
  describeBootstrap,
  localityName,
  type Secret,
} from './config/index.ts'
import { type ControlChannel, createControlChannel } from './control-channel.ts'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import { idleTimeOf } from './drain/index.ts'
import { createHttpServer } from './http/index.ts'
import {
  createIdentityFiles,
  followIdentity,
  openWorkloadIdentity,
  requestFirstCertificate,
  type WorkloadCertificate,
} from './identity/index.ts'
import { createLastGoodFile, type LastGoodFile, LiveConfig } from './live/index.ts'
import { type FollowedBootstrap, openBootstrap } from './followed-bootstrap.ts'
import { startMemoryRelease } from './memory-release.ts'
import { createProxyLog, type Logger, type LogLevel, type ProxyLog } from './proxy-log.ts'
import type { ProxyProcessOptions, RunningProxy, RunProxyOptions } from './proxy-options.ts'
import { describeNode, toHttpNode, toXdsNode } from './proxy-node.ts'
import { readTlsFile } from './read-tls-file.ts'

/** How often it is looked whether all listeners serve, ms. */
const READY_POLL_MS = 10

/** The name by which the admin interface's socket is asked for. */
function adminName({ address, port }: { readonly address: string; readonly port: number }): SocketName {
  return { protocol: 'tcp', name: 'admin', address, port }
}

/**
 * Runs a proxy; resolves when its identity is there and it asks for its configuration.
 *
 * @throws {MeshError} WEFT_PROXY_BOOTSTRAP with every fault of the bootstrap; the codes of the identity and the admin interface.
 */
export async function runProxy(options: RunProxyOptions): Promise<RunningProxy> {
  const bootstrap = await openBootstrap(options)
  const proxy = new ProxyProcess(options, bootstrap)
  try {
    await proxy.start()
  } catch (cause) {
    await proxy.close()
    // Told to end while it was starting: that is no failure.
    if (!options.signal.aborted) throw cause
  }
  return proxy
}

/**
 * One proxy.
 *
 *     INITIALIZING --all listeners serve--> LIVE --signal, quit, drain--> DRAINING
 */
class ProxyProcess implements RunningProxy {
  readonly #options: ProxyProcessOptions
  readonly #followed: FollowedBootstrap
  #bootstrap: BootstrapConfig
  readonly #bootstrapText: string
  readonly #proxyLog: ProxyLog
  readonly #telemetry: ProxyTelemetry = createTelemetry()
  readonly #startedAt = systemClock.now()
  readonly #secrets = new Map<string, Secret>()
  readonly #stop = new AbortController()
  readonly #closed = Promise.withResolvers<void>()
  readonly #becameReady = Promise.withResolvers<boolean>()
  readonly #drainTimeMs: number
  #readyTimer: ReturnType<typeof setInterval> | undefined
  readonly #live: LiveConfig
  readonly #dataPlane: DataPlane
  readonly #lastGood: LastGoodFile | undefined
  #channel: ControlChannel | undefined
  readonly #link: AdsLink | undefined
  #admin: AdminServer | undefined
  #identity: AsyncDisposable | undefined
  #connection: AdsConnection | undefined
  #certificate: WorkloadCertificate | undefined
  #memoryRelease: Disposable | undefined
  #isDraining = false
  #isSuperseded = false
  #failsHealthCheck = false
  #ending: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: ProxyProcessOptions, followed: FollowedBootstrap) {
    const bootstrap = followed.config
    this.#followed = followed
    this.#options = options
    this.#bootstrap = bootstrap
    this.#bootstrapText = followed.text
    this.#proxyLog = createProxyLog((line) => this.#print(line))
    this.#drainTimeMs = options.drainTimeMs ?? 600_000
    const { ads } = bootstrap
    if (ads !== undefined) {
      this.#channel = this.#openChannel(ads.cluster)
      this.#link = createAdsLink(ads.delta, toXdsNode(bootstrap.node))
    }
    const log = this.#log
    this.#lastGood =
      options.stateDir === undefined ? undefined : createLastGoodFile(join(options.stateDir, 'last-good.bin'), log)
    this.#live = new LiveConfig({
      dataPlane: () => this.#dataPlane,
      subscriptions: this.#link?.subscriptions,
      dynamicListeners: ads?.listeners === true,
      flush: () => this.#connection?.flush(),
      onChange: () => this.#save(),
      readTlsFile,
      onTlsFiles: (name, fault) => this.#noteTlsFiles(name, fault),
      log,
      drainMs: this.#drainTimeMs,
    })
    this.#dataPlane = createDataPlane({
      node: toHttpNode(bootstrap.node),
      telemetry: this.#telemetry,
      createHttpServer,
      onDemand: this.#live.onDemand,
      sockets: options.sockets,
      drainTimeMs: this.#drainTimeMs,
      local:
        bootstrap.localCluster === undefined
          ? undefined
          : { cluster: bootstrap.localCluster, locality: localityName(bootstrap.node.locality) },
      ...(bootstrap.overload === undefined ? {} : { overload: bootstrap.overload }),
      onClusterWarm: () => this.#live.onClusterWarm(),
    })
  }

  get adminPort(): number {
    return this.#admin?.port ?? 0
  }

  get ready(): Promise<boolean> {
    return this.#becameReady.promise
  }

  readonly waiting = (): readonly string[] => this.#live.waiting()

  readonly listeningSocket = (name: SocketName): InheritedSocket | undefined => {
    const { admin } = this.#bootstrap
    if (name.protocol === 'udp') this.#dataPlane.yieldPort(name)
    if (admin === undefined || this.#admin === undefined || !isSameSocket(name, adminName(admin)))
      return this.#dataPlane.listeningSocket(name)
    const descriptor = this.#admin.descriptor()
    return descriptor < 0 ? undefined : { descriptor, port: this.#admin.port }
  }

  readonly reclaimPorts = (): void => {
    if (!this.#isDraining) this.#dataPlane.reclaimPorts()
  }

  readonly handOver = (): void => {
    if (this.#isDraining) return
    this.#isDraining = true
    this.#log(`Draining for at most ${this.#drainTimeMs} ms`)
    this.#admin?.stop()
    this.#ending ??= (async () => {
      // What lies in the state directory is the successor's from here on.
      await this.#identity?.[Symbol.asyncDispose]()
      await this.#lastGood?.[Symbol.asyncDispose]()
      this.#isSuperseded = true
      await this.#dataPlane.drain(this.#drainTimeMs, idleTimeOf(this.#drainTimeMs))
      await this.close()
    })()
  }

  get done(): Promise<void> {
    return this.#closed.promise
  }

  readonly isReady = (): boolean => !this.#isDraining && this.#live.isReady()

  async start(): Promise<void> {
    const { signal, adminSocket, sockets } = this.#options
    const { admin, staticSecrets, staticClusters, staticListeners } = this.#bootstrap
    if (signal.aborted) return await this.close()
    signal.addEventListener('abort', () => void this.#end(), { once: true })
    // A successor's admin interface comes with its readiness: until then the port belongs to the process before it.
    const isWorker = adminSocket !== undefined
    if (isWorker) this.#admin = await this.#startAdmin({ unix: adminSocket })
    else if (admin !== undefined && sockets === undefined) this.#admin = await this.#startAdmin(admin)
    for (const secret of staticSecrets) this.#putSecret(secret)
    this.#identity = await this.#openIdentity()
    this.#live.putStatic({ clusters: staticClusters, listeners: staticListeners })
    this.#followed.follow((next, fault) => this.#onBootstrapFiles(next, fault))
    if (this.#lastGood !== undefined && this.#link !== undefined) this.#live.restore(await this.#lastGood.load())
    if (!this.#isDraining) this.#connect()
    this.#memoryRelease = startMemoryRelease({ isReady: this.isReady })
    this.#readyTimer = setInterval(() => {
      if (this.#live.isReady()) void this.#becomeReady(isWorker ? undefined : admin)
    }, READY_POLL_MS)
  }

  async #becomeReady(admin: BootstrapConfig['admin']): Promise<void> {
    clearInterval(this.#readyTimer)
    if (this.#admin === undefined && admin !== undefined && !this.#isDraining) {
      const taken = this.#options.sockets?.take(adminName(admin))
      try {
        const inherited = taken?.ok === true ? taken.value : undefined
        this.#admin = await this.#startAdmin({ ...admin, ...inherited })
      } catch (cause) {
        // Traffic is worth more than its description: the proxy serves on without it.
        this.#log(cause instanceof Error ? cause.message : String(cause))
      }
    }
    this.#becameReady.resolve(!this.#isDraining)
  }

  /** Ends at once; for a start that failed. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stop.abort(new Error('The proxy is closing'))
    this.#memoryRelease?.[Symbol.dispose]()
    clearInterval(this.#readyTimer)
    this.#followed[Symbol.dispose]()
    this.#becameReady.resolve(false)
    this.#live.close()
    await this.#connection?.[Symbol.asyncDispose]()
    await this.#identity?.[Symbol.asyncDispose]()
    await this.#dataPlane[Symbol.asyncDispose]()
    await this.#lastGood?.[Symbol.asyncDispose]()
    await this.#admin?.[Symbol.asyncDispose]()
    this.#closed.resolve()
  }

  readonly #log = (text: string): void => this.#logAt('main', 'info', text)

  #logAt(logger: Logger, level: Exclude<LogLevel, 'off'>, text: string): void {
    this.#proxyLog.write(logger, level, text)
  }

  #print(text: string): void {
    const { log } = this.#options
    if (log !== undefined) log(text)
    else process.stderr.write(`${new Date(systemClock.now()).toISOString()} ${text}\n`)
  }

  /** Polite end: no new work, what runs may finish, then everything is closed. The admin interface answers to the last. */
  #end(): Promise<void> {
    // Told to end while it drains for a successor: the shorter time counts.
    if (this.#ending !== undefined) setTimeout(() => void this.close(), this.#options.drainMs).unref()
    this.#ending ??= (async () => {
      this.#drain()
      await this.#dataPlane.drain(this.#options.drainMs)
      await this.close()
    })()
    return this.#ending
  }

  #drain(): void {
    if (this.#isDraining) return
    this.#isDraining = true
    this.#log(`Draining for at most ${this.#options.drainMs} ms`)
    void this.#dataPlane.drain(this.#options.drainMs)
  }

  #openChannel(cluster: ClusterConfig): ControlChannel {
    const channel = createControlChannel(cluster, (name) => this.#secrets.get(name))
    if (!channel.ok) throw channel.error
    return channel.value
  }

  /** PEM files of the bootstrap changed: what holds their text is replaced, and nothing else. */
  #onBootstrapFiles(next: BootstrapConfig | undefined, fault: string): void {
    this.#noteTlsFiles('the bootstrap', next === undefined ? fault : undefined)
    if (next === undefined) return
    const before = this.#bootstrap
    this.#bootstrap = next
    const isNew = <Item>(items: readonly Item[]) => {
      return (item: Item) => !items.some((old) => Bun.deepEquals(old, item, true))
    }
    for (const secret of next.staticSecrets.filter(isNew(before.staticSecrets))) this.#putSecret(secret)
    this.#live.putStatic({
      clusters: next.staticClusters.filter(isNew(before.staticClusters)),
      listeners: next.staticListeners.filter(isNew(before.staticListeners)),
    })
    // Counts from the next connection to the control plane on.
    if (next.ads !== undefined && this.#channel !== undefined) this.#channel = this.#openChannel(next.ads.cluster)
  }

  #noteTlsFiles(name: string, fault: string | undefined): void {
    const result = fault === undefined ? 'accepted' : 'rejected'
    this.#telemetry.counter('weft_tls_file_reloads_total', { result }).value += 1
    this.#log(
      fault === undefined
        ? `TLS files of ${name} changed and are in use`
        : `TLS files of ${name} changed and cannot be used, the last good ones stay in use: ${fault}`,
    )
  }

  #putSecret(secret: Secret): void {
    this.#secrets.set(secret.name, secret)
    this.#live.putLocalSecret(secret)
  }

  async #openIdentity(): Promise<AsyncDisposable | undefined> {
    const { identity, stateDir, signal, followsState } = this.#options
    if (identity === undefined) return undefined
    if (stateDir === undefined)
      throw new MeshError('WEFT_PROXY_CERTIFICATE', 'An identity needs a state directory to keep it in')
    const { joinTokenFile, caUrl, caFile, spiffeId } = identity
    const shared = {
      spiffeId,
      files: createIdentityFiles(join(stateDir, 'identity')),
      onCertificate: (certificate: WorkloadCertificate) => this.#useCertificate(certificate),
      log: this.#log,
      clock: systemClock,
      signal: AbortSignal.any([signal, this.#stop.signal]),
    }
    if (followsState === true) return await followIdentity(shared)
    return await openWorkloadIdentity({
      ...shared,
      enrol:
        joinTokenFile === undefined
          ? undefined
          : async (csr, stop) => {
              const issued = await requestFirstCertificate({ caUrl, caFile, joinTokenFile }, csr, stop)
              await rm(joinTokenFile, { force: true })
              return issued
            },
      renew: (_, csr) => this.#renew(csr),
      random: Math.random,
    })
  }

  async #renew(csr: string): Promise<{ readonly certificateChain: string; readonly trustBundle: string }> {
    const address = this.#channel?.address() ?? ''
    const credentials = this.#channel?.credentials(address)
    if (credentials === undefined)
      throw new MeshError(
        'WEFT_XDS_RENEW',
        'The bootstrap names no control plane that can be reached with this certificate',
      )
    return await renewCertificate({ address, credentials, csr })
  }

  #useCertificate(certificate: WorkloadCertificate): void {
    const { certificateChain, privateKey, trustBundle } = certificate
    const isRenewed = this.#certificate !== undefined
    this.#certificate = certificate
    this.#putSecret({
      kind: 'certificate',
      name: secretName.certificate,
      certificate: { certificateChain, privateKey },
    })
    this.#putSecret({
      kind: 'validation',
      name: secretName.bundle,
      validation: { trustedCa: trustBundle, subjectAltNames: [] },
    })
    this.#log(`Certificate ${certificate.serialNumber}, valid until ${new Date(certificate.notAfter).toISOString()}`)
    if (isRenewed) this.#connection?.reconnect()
  }

  #connect(): void {
    const { ads } = this.#bootstrap
    if (ads === undefined || this.#channel === undefined || this.#link === undefined) return
    const { subscriptions } = this.#link
    if (ads.clusters) subscriptions.subscribe(TypeUrl.cluster, ['*'])
    if (ads.listeners) subscriptions.subscribe(TypeUrl.listener, ['*'])
    const connected = this.#telemetry.gauge('envoy_control_plane_connected_state')
    let lastReason: string | undefined
    this.#connection = this.#link.open({
      address: () => this.#channel?.address() ?? '',
      serverName: this.#channel.serverName,
      credentials: (address) => this.#channel?.credentials(address),
      apply: (update) => this.#apply(update),
      onStatus: (isConnected, reason) => {
        connected.value = isConnected ? 1 : 0
        // The same failure at each attempt is one fact.
        if (reason !== lastReason)
          this.#log(isConnected ? 'Connected to the control plane' : `No control plane: ${reason}`)
        lastReason = reason
      },
      random: Math.random,
    })
  }

  #apply(update: ReceivedUpdate): readonly ResourceFault[] {
    const type = update.typeUrl.slice(update.typeUrl.lastIndexOf('.') + 1)
    const faults = this.#live.apply(update)
    this.#logAt('config', 'debug', `Received ${update.resources.length} ${type}, removed ${update.removed.length}`)
    for (const { name, message } of faults) this.#logAt('config', 'warning', `Refused ${type} ${name}: ${message}`)
    this.#telemetry.counter('weft_xds_resources_total', { type, result: 'accepted' }).value +=
      update.resources.length - faults.length
    this.#telemetry.counter('weft_xds_resources_total', { type, result: 'rejected' }).value += faults.length
    this.#telemetry.gauge('weft_xds_last_update_seconds', { type }).value = systemClock.now() / 1000
    return faults
  }

  /** Private keys that came over ADS are not written to disk. */
  #save(): void {
    if (this.#isSuperseded || this.#options.followsState === true) return
    this.#lastGood?.save(() => this.#live.held.all().filter(({ typeUrl }) => typeUrl !== TypeUrl.secret))
  }

  #startAdmin(place: Parameters<typeof startAdminServer>[0]): Promise<AdminServer> {
    return startAdminServer(place, {
      state: () => this.#state(),
      waiting: () => this.#live.waiting(),
      metrics: () => this.#telemetry.expose(),
      resetCounters: () => this.#telemetry.resetCounters(),
      describe: () => this.#dataPlane.describe(),
      resources: () => this.#live.held.all(),
      bootstrap: () => describeBootstrap(this.#bootstrapText),
      certificates: () => this.#certificates(),
      info: () => ({
        version: `weft/${manifest.version}`,
        node: describeNode(this.#bootstrap.node),
        command_line_options: { drain_time: `${this.#options.drainMs / 1000}s` },
      }),
      uptimeSeconds: () => Math.floor((systemClock.now() - this.#startedAt) / 1000),
      log: this.#proxyLog,
      drain: (inboundOnly) => {
        this.#logAt('admin', 'info', `Told to drain${inboundOnly ? ' inbound listeners' : ''}`)
        if (inboundOnly) this.#dataPlane.drainInbound(this.#options.drainMs)
        else this.#drain()
      },
      failHealthCheck: (failed) => {
        this.#logAt('admin', 'info', `Health checks ${failed ? 'fail' : 'pass'} from now on`)
        this.#failsHealthCheck = failed
        this.#dataPlane.failHealthCheck(failed)
      },
      quit: () => void this.#end(),
    })
  }

  /** What the data plane serves with; before anything uses it, the own identity stands alone. */
  #certificates(): ReturnType<DataPlane['certificates']> {
    const used = this.#dataPlane.certificates()
    const own = this.#certificate
    if (own === undefined || used.some(({ certificateChain }) => certificateChain === own.certificateChain)) return used
    const { certificateChain, trustBundle } = own
    return [{ name: secretName.certificate, certificateChain, trustedCa: trustBundle }, ...used]
  }

  #state(): ServerState {
    if (this.#isDraining || this.#failsHealthCheck) return 'DRAINING'
    return this.#live.isReady() ? 'LIVE' : 'INITIALIZING'
  }
}
