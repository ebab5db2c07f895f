import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MeshError } from '../../base/index.ts'
import {
  connectHandover,
  type HandoverClient,
  type HandoverServer,
  runProxy,
  type RunningProxy,
  startHandoverServer,
} from '../../proxy/index.ts'
import { type CommandContext, ExitCode } from '../command.ts'
import { parentVariable } from '../end-with-parent.ts'
import { selfCommand } from '../self-command.ts'
import { untilSignal } from '../until-signal.ts'
import { handoverFile, type ProxyCommandOptions } from './proxy-command-options.ts'
import { notifyServiceManager, removeOwnFile, writeOwnFile } from './service-manager.ts'
import { Succession } from './successor.ts'

/** A successor that does not serve by then gives up, ms: its listeners wait for routes and secrets 15 s at most. */
const successorReadyMs = 60_000

/** One proxy process: alone, as the successor of another, or as a worker. Answers the exit code. */
export async function runSingleProxy(options: ProxyCommandOptions, context: CommandContext): Promise<number> {
  const log = (text: string): void => context.terminal.err(`${new Date().toISOString()} ${text}\n`)
  const ended = new AbortController()
  void untilSignal(['SIGINT', 'SIGTERM']).then(() => ended.abort())
  using stack = new DisposableStack()
  const before = openPredecessor(options, log)
  if (before !== undefined) stack.use(before)
  // A signal that comes while the proxy starts must not end it.
  let onRestart = (): void => log('No hot restart: this process is still starting')
  process.on('SIGUSR2', () => onRestart())
  const proxy = await startProxy(options, { before, log, signal: ended.signal })
  if (before !== undefined && !(await isReadyInTime(proxy, before))) {
    ended.abort()
    await proxy.done
    return ExitCode.failed
  }
  before?.ready()
  if (options.worker === undefined) {
    before?.[Symbol.dispose]()
    return await serveAndHandOver(options, { context, log, proxy, onRestart: (handler) => (onRestart = handler) })
  }
  // The supervisor sends it when another worker has taken this one's place.
  onRestart = proxy.handOver
  await proxy.done
  return ExitCode.ok
}

function openPredecessor({ handover }: ProxyCommandOptions, log: (text: string) => void): HandoverClient | undefined {
  if (handover === undefined) return undefined
  const connected = connectHandover(handover)
  if (connected.ok) return connected.value
  log(`Nothing to take over: ${connected.error.message}`)
  return undefined
}

async function startProxy(
  { bootstrapPath, stateDir, identity, drainMs, drainTimeMs, worker }: ProxyCommandOptions,
  surroundings: {
    readonly before: HandoverClient | undefined
    readonly log: (text: string) => void
    readonly signal: AbortSignal
  },
): Promise<RunningProxy> {
  const { before, log, signal } = surroundings
  try {
    return await runProxy({
      bootstrapPath,
      ...(stateDir === undefined ? {} : { stateDir }),
      ...(identity === undefined ? {} : { identity }),
      ...(before === undefined ? {} : { sockets: before }),
      ...(worker === undefined ? {} : { adminSocket: worker.adminSocket, followsState: worker.slot > 0 }),
      drainMs,
      drainTimeMs,
      signal,
      log,
    })
  } catch (cause) {
    before?.failed(cause instanceof MeshError ? `${cause.message} [${cause.code}]` : String(cause))
    throw cause
  }
}

async function isReadyInTime(proxy: RunningProxy, before: HandoverClient): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(() => resolve(false), successorReadyMs)
  const isReady = await Promise.race([proxy.ready, late])
  clearTimeout(timer)
  if (!isReady) before.failed(`not ready after ${successorReadyMs} ms, waiting for ${proxy.waiting().join('; ')}`)
  return isReady
}

interface Serving {
  readonly context: CommandContext
  readonly log: (text: string) => void
  readonly proxy: RunningProxy
  readonly onRestart: (handler: () => void) => void
}

/** Serves to the end, and lets a successor take the sockets meanwhile. */
async function serveAndHandOver(options: ProxyCommandOptions, serving: Serving): Promise<number> {
  const { context, log, proxy } = serving
  const directory = await mkdtemp(join(tmpdir(), 'weft-'))
  const succession = new Succession({
    start: (env) => {
      const child = Bun.spawn([...selfCommand(), ...process.argv.slice(2)], {
        cwd: context.cwd,
        env: { ...context.env, ...env },
        stdin: 'ignore',
        stdout: 'inherit',
        stderr: 'inherit',
      })
      // It outlives this process.
      child.unref()
      return child
    },
    path: join(directory, 'handover'),
    refusal:
      context.env[parentVariable] === undefined
        ? undefined
        : `process ${context.env[parentVariable]} supervises this one; send SIGUSR2 to it`,
    onReady: () => proxy.handOver(),
    log,
  })
  const server = startServer(join(directory, 'handover'), proxy, succession, log)
  if (server !== undefined) serving.onRestart(() => succession.begin())
  else serving.onRestart(() => log('No hot restart: sockets cannot be handed over on this system'))
  void proxy.ready.then((isReady) => (isReady ? announce(options, context, server) : undefined))
  await proxy.done
  server?.[Symbol.dispose]()
  await rm(directory, { recursive: true, force: true })
  // After a hot restart they are the successor's, which may be about to write them.
  if (succession.isOver) return ExitCode.ok
  if (options.pidFile !== undefined) await removeOwnFile(options.pidFile)
  if (options.stateDir !== undefined) await removeOwnFile(handoverFile(options.stateDir))
  return ExitCode.ok
}

function startServer(
  path: string,
  proxy: RunningProxy,
  succession: Succession,
  log: (text: string) => void,
): HandoverServer | undefined {
  const started = startHandoverServer(path, {
    onTake: (_, socket) => ({ ok: true, value: proxy.listeningSocket(socket) }),
    onReady: (pid) => succession.onReady(pid),
    onFailed: (pid, reason) => succession.onFailed(pid, reason),
    // Whoever is gone needs no port any more; after a success this process drains and opens none.
    onGone: () => proxy.reclaimPorts(),
  })
  if (started.ok) return started.value
  log(started.error.message)
  return undefined
}

/** The proxy serves: who has to know is told. */
async function announce(
  { pidFile, stateDir }: ProxyCommandOptions,
  context: CommandContext,
  server: HandoverServer | undefined,
): Promise<void> {
  if (pidFile !== undefined) await writeOwnFile(pidFile)
  if (stateDir !== undefined && server !== undefined) await writeOwnFile(handoverFile(stateDir), server.path)
  notifyServiceManager(context.env)
}
