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
import { createTelemetry, type ProxyTelemetry } from '../telemetry/index.ts'
import { type AdsConnection, type ReceivedUpdate, renewCertificate, type ResourceFault } from '../xds/client/index.ts'
import { secretName, TypeUrl } from '../xds/index.ts'
import { createAdsLink, type AdsLink } from './ads-link.ts'
import { type AdminServer, type ServerState, startAdminServer } from './admin/index.ts'
import { type BootstrapConfig, describeBootstrap, type Secret } from './config/index.ts'
import { type ControlChannel, createControlChannel } from './control-channel.ts'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import { createHttpServer } from './http/index.ts'
import {
  createIdentityFiles,
  openWorkloadIdentity,
  requestFirstCertificate,
  type WorkloadCertificate,
  type WorkloadIdentity,
} from './identity/index.ts'
import { createLastGoodFile, type LastGoodFile, LiveConfig } from './live/index.ts'
import { type BootstrapSource, type LoadedBootstrap, loadBootstrap } from './load-bootstrap.ts'
import { startMemoryRelease } from './memory-release.ts'
import { createProxyLog, type Logger, type LogLevel, type ProxyLog } from './proxy-log.ts'
import { describeNode, toHttpNode, toXdsNode } from './proxy-node.ts'
import { readTlsFile } from './read-tls-file.ts'

/** How a proxy is run. */
export type RunProxyOptions = BootstrapSource & ProxyProcessOptions

/** All but the bootstrap. */
export interface ProxyProcessOptions {
  /** Keeps identity and last accepted configuration over restarts; absent: nothing is kept. */
  readonly stateDir?: string
  /** Identity that the proxy gets from the control plane; absent: certificates are in the bootstrap, or there are none. */
  readonly identity?: {
    readonly spiffeId: string
    /** Base of the REST API that signs the first certificate. */
    readonly caUrl: string
    readonly caFile: string
    /** Removed after use; absent: there must be a valid certificate in `stateDir`. */
    readonly joinTokenFile?: string
  }
  /** How long requests in flight may take at the end, milliseconds. */
  readonly drainMs: number
  /** Aborting it drains and ends the proxy. */
  readonly signal: AbortSignal
  /** Where lines about the proxy itself go; standard error by default. */
  readonly log?: (text: string) => void
}

/** A running proxy. */
export interface RunningProxy {
  /** 0: the bootstrap has no `admin`. */
  readonly adminPort: number
  /** All listeners serve; what `GET /ready` answers. */
  readonly isReady: () => boolean
  /** Resolves when the proxy has drained and closed, after `signal` or `POST /quitquitquit`. */
  readonly done: Promise<void>
}

/**
 * Runs a proxy; resolves when its identity is there and it asks for its configuration.
 *
 * @throws {MeshError} WEFT_PROXY_BOOTSTRAP with every fault of the bootstrap; the codes of the identity and the admin interface.
 */
export async function runProxy(options: RunProxyOptions): Promise<RunningProxy> {
  const bootstrap = await loadBootstrap(options)
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
  readonly #bootstrap: BootstrapConfig
  readonly #bootstrapText: string
  readonly #proxyLog: ProxyLog
  readonly #telemetry: ProxyTelemetry = createTelemetry()
  readonly #startedAt = systemClock.now()
  readonly #secrets = new Map<string, Secret>()
  readonly #stop = new AbortController()
  readonly #closed = Promise.withResolvers<void>()
  readonly #live: LiveConfig
  readonly #dataPlane: DataPlane
  readonly #lastGood: LastGoodFile | undefined
  readonly #channel: ControlChannel | undefined
  readonly #link: AdsLink | undefined
  #admin: AdminServer | undefined
  #identity: WorkloadIdentity | undefined
  #connection: AdsConnection | undefined
  #certificate: WorkloadCertificate | undefined
  #memoryRelease: Disposable | undefined
  #isDraining = false
  #failsHealthCheck = false
  #ending: Promise<void> | undefined

  constructor(options: ProxyProcessOptions, { config: bootstrap, text }: LoadedBootstrap) {
    this.#options = options
    this.#bootstrap = bootstrap
    this.#bootstrapText = text
    this.#proxyLog = createProxyLog((line) => this.#print(line))
    const { ads } = bootstrap
    if (ads !== undefined) {
      const channel = createControlChannel(ads.cluster, (name) => this.#secrets.get(name))
      if (!channel.ok) throw channel.error
      this.#channel = channel.value
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
      log,
      drainMs: options.drainMs,
    })
    this.#dataPlane = createDataPlane({
      node: toHttpNode(bootstrap.node),
      telemetry: this.#telemetry,
      createHttpServer,
      onDemand: this.#live.onDemand,
      ...(bootstrap.overload === undefined ? {} : { overload: bootstrap.overload }),
      onClusterWarm: () => this.#live.onClusterWarm(),
    })
  }

  get adminPort(): number {
    return this.#admin?.port ?? 0
  }

  get done(): Promise<void> {
    return this.#closed.promise
  }

  readonly isReady = (): boolean => !this.#isDraining && this.#live.isReady()

  async start(): Promise<void> {
    const { signal } = this.#options
    const { admin, staticSecrets, staticClusters, staticListeners } = this.#bootstrap
    if (signal.aborted) return await this.close()
    signal.addEventListener('abort', () => void this.#end(), { once: true })
    if (admin !== undefined) this.#admin = this.#startAdmin(admin)
    for (const secret of staticSecrets) this.#putSecret(secret)
    this.#identity = await this.#openIdentity()
    this.#live.putStatic({ clusters: staticClusters, listeners: staticListeners })
    if (this.#lastGood !== undefined && this.#link !== undefined) this.#live.restore(await this.#lastGood.load())
    if (!this.#isDraining) this.#connect()
    this.#memoryRelease = startMemoryRelease({ isReady: this.isReady })
  }

  /** Ends at once; for a start that failed. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('The proxy is closing'))
    this.#memoryRelease?.[Symbol.dispose]()
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

  #putSecret(secret: Secret): void {
    this.#secrets.set(secret.name, secret)
    this.#live.putLocalSecret(secret)
  }

  async #openIdentity(): Promise<WorkloadIdentity | undefined> {
    const { identity, stateDir, signal } = this.#options
    if (identity === undefined) return undefined
    if (stateDir === undefined)
      throw new MeshError('WEFT_PROXY_CERTIFICATE', 'An identity needs a state directory to keep it in')
    const { joinTokenFile, caUrl, caFile, spiffeId } = identity
    return await openWorkloadIdentity({
      spiffeId,
      files: createIdentityFiles(join(stateDir, 'identity')),
      enrol:
        joinTokenFile === undefined
          ? undefined
          : async (csr, stop) => {
              const issued = await requestFirstCertificate({ caUrl, caFile, joinTokenFile }, csr, stop)
              await rm(joinTokenFile, { force: true })
              return issued
            },
      renew: (_, csr) => this.#renew(csr),
      onCertificate: (certificate) => this.#useCertificate(certificate),
      log: this.#log,
      clock: systemClock,
      random: Math.random,
      signal: AbortSignal.any([signal, this.#stop.signal]),
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
      address: this.#channel.address,
      serverName: this.#channel.serverName,
      credentials: this.#channel.credentials,
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
    this.#lastGood?.save(() => this.#live.held.all().filter(({ typeUrl }) => typeUrl !== TypeUrl.secret))
  }

  #startAdmin(address: { readonly address: string; readonly port: number }): AdminServer {
    return startAdminServer(address, {
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
