import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MeshError } from '../../base/index.ts'
import { type AdminServer, loadBootstrap, startAdminServer, startHandoverServer } from '../../proxy/index.ts'
import { type CommandContext, ExitCode } from '../command.ts'
import { parentVariable } from '../end-with-parent.ts'
import { selfCommand } from '../self-command.ts'
import { untilSignal } from '../until-signal.ts'
import { handoverVariable, type ProxyCommandOptions, workerVariable } from './proxy-command-options.ts'
import { notifyServiceManager, removeOwnFile, writeOwnFile } from './service-manager.ts'
import { SharedSockets } from './shared-sockets.ts'
import { createWorkersAdmin } from './workers-admin.ts'
import { type WorkerProcess, WorkerSlot } from './worker-slot.ts'

/** SIGKILL follows this long after the workers' own drain should have ended, ms. */
const graceMs = 2_000

/**
 * `weft proxy --workers N`: keeps N workers running over listening sockets that it holds for them, and answers for all of them on the
 * admin port. Answers the exit code when all have drained.
 */
export async function superviseWorkers(options: ProxyCommandOptions, context: CommandContext): Promise<number> {
  // Its faults are this process's to report; workers would only repeat them.
  const {
    config: { admin },
  } = await loadBootstrap({ bootstrapPath: options.bootstrapPath })
  const directory = await mkdtemp(join(tmpdir(), 'weft-'))
  const supervisor = new WorkerSupervisor(options, context, directory)
  let adminServer: AdminServer | undefined
  try {
    const ended = untilSignal(['SIGINT', 'SIGTERM'])
    process.on('SIGUSR2', () => void supervisor.restartWorkers())
    if (admin !== undefined) adminServer = await startAdminServer(admin, supervisor.answerAdmin)
    void supervisor.start().then(async () => {
      if (options.pidFile !== undefined) await writeOwnFile(options.pidFile)
      notifyServiceManager(context.env)
    })
    await Promise.race([ended, supervisor.quitting])
    await supervisor.stop()
  } finally {
    await adminServer?.[Symbol.asyncDispose]()
    supervisor.close()
    await rm(directory, { recursive: true, force: true })
    if (options.pidFile !== undefined) await removeOwnFile(options.pidFile)
  }
  return ExitCode.ok
}

class WorkerSupervisor {
  readonly #options: ProxyCommandOptions
  readonly #context: CommandContext
  readonly #directory: string
  readonly #sockets = new SharedSockets()
  readonly #slots: WorkerSlot[] = []
  readonly #quit = Promise.withResolvers<void>()
  readonly #handover: Disposable & { readonly path: string }
  #starts = 0
  #restarts = 0
  #rolling: Promise<void> | undefined

  /** Answers the requests to the admin port. */
  readonly answerAdmin = createWorkersAdmin({
    workers: () =>
      this.#slots.map(({ current: { pid, adminSocket } }, slot) => {
        return { slot, pid, adminSocket }
      }),
    restarts: () => this.#restarts,
    quit: () => this.#quit.resolve(),
  })

  constructor(options: ProxyCommandOptions, context: CommandContext, directory: string) {
    this.#options = options
    this.#context = context
    this.#directory = directory
    const server = startHandoverServer(join(directory, 'sockets'), {
      onTake: (pid, socket) => this.#sockets.take(pid, socket),
      onRelease: (pid, socket) => this.#sockets.release(pid, socket),
      onReady: (pid) => this.#find(pid)?.ready.resolve(true),
      onFailed: (pid, reason) => {
        const worker = this.#find(pid)
        if (worker !== undefined) worker.reason = reason
      },
      onGone: () => undefined,
    })
    if (!server.ok) throw server.error
    this.#handover = server.value
  }

  /** `POST /quitquitquit` came. */
  get quitting(): Promise<void> {
    return this.#quit.promise
  }

  /** Starts the workers; resolves when all are ready for the first time. */
  async start(): Promise<void> {
    const { workers, identity } = this.#options
    this.#addSlot()
    // The first worker alone may use the join token; the others find the certificate.
    if (identity !== undefined) await this.#slots[0]?.current.ready.promise
    while (this.#slots.length < workers) this.#addSlot()
    await Promise.all(this.#slots.map(({ current }) => current.ready.promise))
  }

  /** Hot restart: one worker after another is replaced; the first that fails ends it, and the old ones go on. */
  restartWorkers(): Promise<void> {
    if (this.#rolling !== undefined) {
      this.#log('The workers are being restarted already')
      return this.#rolling
    }
    this.#rolling = this.#roll().finally(() => {
      this.#rolling = undefined
    })
    return this.#rolling
  }

  /** Lets all workers drain; those that do not end in time are killed. */
  async stop(): Promise<void> {
    const all = () => this.#slots.flatMap((slot) => slot.processes())
    const timer = setTimeout(() => {
      for (const worker of all()) worker.kill('SIGKILL')
    }, this.#options.drainMs + graceMs)
    await Promise.all(this.#slots.map((slot) => slot.stop('SIGTERM')))
    clearTimeout(timer)
  }

  close(): void {
    this.#handover[Symbol.dispose]()
    this.#sockets.close()
  }

  readonly #log = (text: string): void => this.#context.terminal.err(`${new Date().toISOString()} ${text}\n`)

  async #roll(): Promise<void> {
    this.#log('Hot restart: the workers are replaced one after another')
    try {
      await loadBootstrap({ bootstrapPath: this.#options.bootstrapPath })
    } catch (cause) {
      const reason = cause instanceof MeshError ? `${cause.message} [${cause.code}]` : String(cause)
      return this.#log(`Hot restart failed, the workers go on: ${reason}`)
    }
    for (const [index, slot] of this.#slots.entries()) {
      const before = slot.current.pid
      const fault = await slot.replace()
      if (fault !== undefined) return this.#log(`Hot restart failed at worker ${index}, which goes on: ${fault}`)
      this.#log(`Worker ${index}: process ${slot.current.pid} serves in place of ${before}`)
    }
  }

  #find(pid: number): WorkerProcess | undefined {
    return this.#all.get(pid)
  }

  readonly #all = new Map<number, WorkerProcess>()

  #addSlot(): void {
    this.#slots.push(
      new WorkerSlot({
        slot: this.#slots.length,
        start: (slot) => this.#startWorker(slot),
        onLeft: (pid) => {
          this.#sockets.forget(pid)
          this.#all.delete(pid)
        },
        onRestart: () => (this.#restarts += 1),
        log: this.#log,
      }),
    )
  }

  #startWorker(slot: number): WorkerProcess {
    this.#starts += 1
    const adminSocket = join(this.#directory, `admin-${this.#starts}`)
    const child = Bun.spawn([...selfCommand(), ...process.argv.slice(2)], {
      cwd: this.#context.cwd,
      env: {
        ...this.#context.env,
        [parentVariable]: String(process.pid),
        [handoverVariable]: this.#handover.path,
        [workerVariable]: `${slot} ${adminSocket}`,
      },
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      // Ctrl-C reaches it by this process, once.
      detached: true,
    })
    const worker: WorkerProcess = {
      pid: child.pid,
      exited: child.exited,
      adminSocket,
      kill: (signal) => child.kill(signal),
      ready: Promise.withResolvers<boolean>(),
      reason: undefined,
    }
    this.#all.set(child.pid, worker)
    return worker
  }
}
