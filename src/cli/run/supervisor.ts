import { closeSync, openSync } from 'node:fs'
import type { ApiClient } from '../../control/rest/index.ts'
import { CliError } from '../cli-error.ts'
import type { CommandContext } from '../command.ts'
import { parentVariable } from '../end-with-parent.ts'
// Not by the folder's index: the supervisor must not pay for a data plane that it does not run.
import { handoverFile } from '../proxy/proxy-command-options.ts'
import { type Application, findProgram, launcher, startApplication } from './application.ts'
import { renderBootstrap } from './bootstrap.ts'
import { type DataPlane, type DataPlaneInput, openWeftDataPlane } from './data-plane.ts'
import { untilInboundQuiet } from './inbound-quiet.ts'
import { planWorkload, toRegistration, type WorkloadPlan } from './plan-workload.ts'
import { isApplicationReady, isProxyReady } from './readiness.ts'
import { type Health, registerWorkload, type Registration } from './registration.ts'
import { keepRunning, type RestartingProcess } from './restarting-process.ts'
import type { RunOptions } from './run-options.ts'
import { applicationVariables } from './service-variables.ts'
import { openStateDirectory, type StateDirectory } from './state-directory.ts'
import { openTransparentRedirect, type TransparentRedirect } from './transparent.ts'
import { waitUntil } from './wait-until.ts'

/** What `weft run` stands on. */
export interface RunSurroundings {
  readonly context: CommandContext
  readonly client: ApiClient
  /** Address of the REST API for the proxy's first certificate. */
  readonly apiUrl: string
  /** State directories lie in `<data directory>/workloads/<id>`. */
  readonly dataDir: string
  /** How to start Weft again. */
  readonly self: readonly string[]
  /** Signals that the supervisor got, one for each call. */
  readonly onSignal: (handler: (signal: NodeJS.Signals) => void) => void
  /** The supervisor was told (SIGUSR2) to replace the proxy by a new process. */
  readonly onRestart: (handler: () => void) => void
}

/** Peers normally acknowledge within milliseconds; one that hangs must not keep the application from ending. */
const drainAcknowledgeMs = 3_000

/** SIGKILL follows this long after the proxy's own drain should have ended. */
const proxyGraceMs = 2_000

/** A proxy that ended this often before it was ever ready will not become so. */
const startAttempts = 4

/** Last lines of the proxy's log that are shown when it does not become ready. */
const logTailLines = 6

interface Parts {
  readonly options: RunOptions
  readonly surroundings: RunSurroundings
  readonly plan: WorkloadPlan
  readonly state: StateDirectory
  readonly registration: Registration
}

function say({ surroundings }: Pick<Parts, 'surroundings'>, text: string): void {
  const { terminal } = surroundings.context
  terminal.err(`${terminal.color.dim('weft:')} ${text}\n`)
}

async function writeBootstrap({ options, plan, state, registration: { response } }: Parts): Promise<void> {
  const bootstrap = renderBootstrap({
    id: plan.id,
    namespace: options.namespace,
    workload: plan.workload,
    labels: options.labels,
    serviceAccount: options.serviceAccount,
    adminPort: plan.adminPort,
    xdsAddress: response.xdsAddress,
    controlPlaneId: controlPlaneSpiffeId(response.trustDomain),
    sdsSocket: state.sdsSocket,
  })
  await state.write(state.bootstrap, bootstrap)
}

async function openDataPlane(parts: Parts): Promise<DataPlane> {
  const { options, surroundings, state, registration } = parts
  const input: DataPlaneInput = {
    state,
    registration,
    apiUrl: surroundings.apiUrl,
    controlPlaneId: controlPlaneSpiffeId(registration.response.trustDomain),
    self: surroundings.self,
    drainTimeoutMs: options.drainTimeoutMs,
    say: (text) => say(parts, text),
  }
  if (options.dataPlane === 'weft') return openWeftDataPlane(input)
  const { openEnvoyDataPlane } = await import('./envoy-data-plane.ts')
  return openEnvoyDataPlane(input)
}

function spawnProxy({ state, surroundings }: Parts, command: readonly string[]): ReturnType<typeof Bun.spawn> {
  const log = openSync(state.proxyLog, 'a', 0o600)
  const child = Bun.spawn([...launcher(undefined), ...command], {
    cwd: state.path,
    env: { ...surroundings.context.env, [parentVariable]: String(process.pid) },
    stdin: 'ignore',
    stdout: log,
    stderr: log,
    // Ctrl-C must not reach it: it still carries traffic while the application ends.
    detached: true,
  })
  closeSync(log)
  return child
}

function startProxy(parts: Parts, dataPlane: DataPlane, onEnd: () => void): Promise<RestartingProcess> {
  return keepRunning({
    start: async () => spawnProxy(parts, await dataPlane.command()),
    onEnd: (how, restartInMs) => {
      say(parts, `proxy ended (${how}), restarting ${restartInMs === 0 ? 'now' : `in ${restartInMs} ms`}`)
      onEnd()
    },
  })
}

/** Hot restart: a new proxy takes the sockets of the running one, which drains and ends. */
async function replaceProxy(parts: Parts, dataPlane: DataPlane, proxy: RestartingProcess): Promise<void> {
  const { successorArguments } = dataPlane
  if (successorArguments === undefined) return say(parts, 'this proxy cannot be replaced while it runs')
  const before = proxy.pid()
  const replaced = await proxy.replace({
    start: async () => spawnProxy(parts, [...(await dataPlane.command()), ...successorArguments]),
    isReady: (pid, signal) =>
      waitUntil(async () => (await servingProxyPid(parts.state)) === pid, {
        timeoutMs: parts.options.readyTimeoutMs,
        signal,
      }),
  })
  if (replaced) say(parts, `proxy ${proxy.pid()} serves in place of ${before}`)
  else say(parts, `the proxy was not replaced and goes on; its log ends with:\n${await logTail(parts)}`)
}

/** Process id in the file by which a proxy says that it serves; 0 without one. */
async function servingProxyPid({ path }: StateDirectory): Promise<number> {
  const text = await Bun.file(handoverFile(path))
    .text()
    .catch(() => '')
  return Number.parseInt(text, 10) || 0
}

async function logTail({ state }: Parts): Promise<string> {
  const text = await Bun.file(state.proxyLog)
    .text()
    .catch(() => '')
  return text.trimEnd().split('\n').slice(-logTailLines).join('\n')
}

/** Starts the proxy and waits until it is ready; one that cannot even start is not waited for until the time is over. */
async function startReadyProxy(parts: Parts, dataPlane: DataPlane, signal: AbortSignal): Promise<RestartingProcess> {
  const { plan, options, state } = parts
  const hopeless = new AbortController()
  let ends = 0
  const proxy = await startProxy(parts, dataPlane, () => {
    ends += 1
    if (ends >= startAttempts) hopeless.abort()
  })
  const ready = await waitUntil(() => isProxyReady(plan.adminPort), {
    timeoutMs: options.readyTimeoutMs,
    signal: AbortSignal.any([signal, hopeless.signal]),
  })
  if (ready || signal.aborted) return proxy
  await proxy.stop(proxyGraceMs)
  const why = hopeless.signal.aborted ? `ended ${ends} times` : `was not ready within ${options.readyTimeoutMs} ms`
  throw new CliError(
    'WEFT_RUN_PROXY_NOT_READY',
    `The proxy of ${plan.id} ${why}; its log ends with:\n${await logTail(parts)}`,
    `Look into ${state.proxyLog} and \`weft status\``,
  )
}

function startApp(parts: Parts, redirect: TransparentRedirect | undefined): Application {
  const { plan, options, surroundings } = parts
  const variables = applicationVariables({
    workloadId: plan.id,
    version: options.version,
    httpProxyPort: plan.httpProxyPort,
    applicationPort: plan.ports[0]?.applicationPort,
    tcpServices: plan.upstreams,
  })
  // The variable names the supervisor's own parent; an application that is a Weft process would take it for its own.
  const {
    cwd,
    env: { [parentVariable]: _, ...env },
  } = surroundings.context
  return startApplication({
    command: options.command,
    cwd,
    env: { ...env, ...variables },
    groupId: redirect?.groupId,
  })
}

async function announceReady(parts: Parts, signal: AbortSignal): Promise<void> {
  const { plan, options, registration } = parts
  const ports = plan.ports.map(({ applicationPort }) => applicationPort)
  const ready = await waitUntil(() => isApplicationReady(ports, options.readyPath), {
    timeoutMs: options.readyTimeoutMs,
    signal,
  })
  if (signal.aborted) return
  if (!ready) {
    const where = ports.map((port) => `127.0.0.1:${port}`).join(', ')
    say(
      parts,
      `the application does not answer on ${where} after ${options.readyTimeoutMs} ms; it gets no traffic (it must listen on $PORT)`,
    )
    return
  }
  await registration.setHealth('ready')
  await writeRecord(parts, true)
  const inbound = plan.ports.map(
    ({ port, meshPort, applicationPort }) => `${port} (mesh ${meshPort} -> application ${applicationPort})`,
  )
  say(
    parts,
    `${plan.id} is ready: ${inbound.length === 0 ? 'no ports' : `ports ${inbound.join(', ')}`}, http_proxy 127.0.0.1:${plan.httpProxyPort}, admin 127.0.0.1:${plan.adminPort}`,
  )
}

function writeRecord({ plan, options, state }: Parts, ready: boolean): Promise<void> {
  return state.writeRecord({
    id: plan.id,
    service: options.service,
    version: options.version,
    supervisorPid: process.pid,
    adminPort: plan.adminPort,
    httpProxyPort: plan.httpProxyPort,
    ports: plan.ports.map(({ port, applicationPort, meshPort }) => ({ port, applicationPort, meshPort })),
    upstreams: plan.upstreams.map(({ host, port, loopbackPort }) => ({ host, port, loopbackPort })),
    ready,
  })
}

/** Tells the mesh and waits, for a bounded time, until the peers know: from then on they send nothing new. */
async function drainFromPeers({ surroundings: { client }, registration }: Parts): Promise<void> {
  await registration.setHealth('draining' satisfies Health)
  try {
    const { revision } = await client.status()
    await client.enforcement(revision, drainAcknowledgeMs)
  } catch {
    // The control plane is away: peers find out by failed connections and retry elsewhere.
  }
}

/** Leaves the service while the application still answers: afterwards no request is on its way to it. */
async function retire(parts: Parts): Promise<void> {
  await drainFromPeers(parts)
  if (parts.plan.ports.length > 0) await untilInboundQuiet(parts.plan.adminPort)
}

/** Runs the application until it ends; the signals of the supervisor go to it, the first one after peers stopped sending. */
async function superviseApplication(parts: Parts, redirect: TransparentRedirect | undefined): Promise<number> {
  const ended = new AbortController()
  const application = startApp(parts, redirect)
  let draining: Promise<void> | undefined
  parts.surroundings.onSignal((signal) => {
    if (signal === 'SIGHUP' || draining !== undefined) application.kill(signal)
    else draining = retire(parts).then(() => application.kill(signal))
  })
  const ready = announceReady(parts, ended.signal)
  const code = await application.exited
  ended.abort()
  await ready
  await (draining ?? drainFromPeers(parts))
  return code
}

/** Registers, starts and supervises one workload; answers the application's exit code. */
export async function runWorkload(options: RunOptions, surroundings: RunSurroundings): Promise<number> {
  const { client, dataDir, context } = surroundings
  findProgram(options.command, context.cwd, context.env)
  await using stack = new AsyncDisposableStack()
  const redirect = options.transparent ? stack.use(await openTransparentRedirect()) : undefined
  const { services } = await client.tcpServices(options.namespace)
  const plan = await planWorkload(options, services)
  stack.defer(plan.release)
  const state = await openStateDirectory(`${dataDir}/workloads/${plan.id}`)
  const registration = await registerWorkload({
    client,
    id: plan.id,
    request: toRegistration(options, plan),
    onReachable: (reachable, reason) =>
      say(
        { surroundings },
        reachable ? 'the control plane is back' : `the control plane does not answer, traffic goes on: ${reason}`,
      ),
  })
  stack.defer(registration.remove)
  const parts: Parts = { options, surroundings, plan, state, registration }
  await writeBootstrap(parts)
  await writeRecord(parts, false)
  const dataPlane = stack.use(await openDataPlane(parts))
  const early = new AbortController()
  surroundings.onSignal(() => early.abort())
  const proxy = await startReadyProxy(parts, dataPlane, early.signal)
  stack.defer(() => proxy.stop(options.drainTimeoutMs + proxyGraceMs))
  if (early.signal.aborted) return 128 + 15
  surroundings.onRestart(() => void replaceProxy(parts, dataPlane, proxy))
  if (plan.transparentPort !== undefined && plan.dnsPort !== undefined)
    await redirect?.enable({ transparentPort: plan.transparentPort, dnsPort: plan.dnsPort })
  const code = await superviseApplication(parts, redirect)
  await proxy.stop(options.drainTimeoutMs + proxyGraceMs)
  // The state of a workload that will not come back under this id is of no use; a given id keeps it for its next start.
  if (options.id === undefined) await state.remove()
  return code
}

/** The identity that the ADS server presents. */
function controlPlaneSpiffeId(trustDomain: string): string {
  return `spiffe://${trustDomain}/ns/weft-system/sa/control-plane`
}
