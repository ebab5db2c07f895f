import { isIP } from 'node:net'
import { MeshError } from '../../base/index.ts'
import { type FrontPlace, type HttpFront, openHttpFront } from './http-front.ts'
import type { AdminHandler, AdminSource } from './admin-source.ts'
import { changeLogging } from './change-logging.ts'
import { describeCertificates } from './describe-certificates.ts'
import { describeClusters, describeListeners } from './describe-clusters.ts'
import { describeConfig } from './describe-config.ts'
import { describePrometheus, describeStats } from './describe-stats.ts'
import { badRequest, json, text } from './replies.ts'

/** A running admin interface. */
export type AdminServer = HttpFront

/**
 * Starts the admin interface: HTTP on a loopback address (or a Unix socket, for a supervisor), for operators and probes of this machine.
 *
 * @param source The facts, or what answers a request that may be answered.
 * @throws {MeshError} WEFT_PROXY_ADMIN when the address is not loopback or cannot be bound.
 */
export async function startAdminServer(
  place: FrontPlace,
  source: AdminSource | ((request: Request) => Promise<Response>),
): Promise<AdminServer> {
  if ('address' in place && !isLoopback(place.address)) {
    throw new MeshError('WEFT_PROXY_ADMIN', `admin.address: expected a loopback address, got ${place.address}`)
  }
  try {
    return await openHttpFront(place, (request) => {
      if (!isAllowed(request)) return text('Forbidden\n', 403)
      return typeof source === 'function' ? source(request) : answerAdmin(request, source)
    })
  } catch (cause) {
    const where = 'unix' in place ? place.unix : `${place.address}:${place.port}`
    throw new MeshError('WEFT_PROXY_ADMIN', `Cannot listen on ${where}`, { cause })
  }
}

interface Command {
  readonly path: string
  /** One line for `/help`. */
  readonly help: string
  /** It changes something: POST only, as in Envoy. */
  readonly mutates: boolean
  readonly run: AdminHandler
}

const commands: readonly Command[] = [
  read('/', 'list of admin commands', help),
  read('/certs', 'certificates in use: names, days until they expire', describeCertificates),
  read('/clusters', 'upstream clusters and their endpoints; format=json', describeClusters),
  read('/config_dump', 'configuration in force; resource, mask, name_regex', describeConfig),
  change('/drain_listeners', 'stop accepting, end politely; graceful, inboundonly', drainListeners),
  change('/healthcheck/fail', 'fail health checks: /ready answers 503', failHealthCheck),
  change('/healthcheck/ok', 'pass health checks again', passHealthCheck),
  read('/help', 'list of admin commands', help),
  read('/listeners', 'listeners and their addresses; format=json', describeListeners),
  change('/logging', 'levels of the log; level=LEVEL, paths=LOGGER:LEVEL', changeLogging),
  read('/memory', 'memory of the process in bytes', describeMemory),
  change('/quitquitquit', 'drain and end', quit),
  read('/ready', '200 when LIVE, otherwise 503', describeReadiness),
  change('/reset_counters', 'set all counters to zero', resetCounters),
  read('/server_info', 'version, state, uptime, node', describeServer),
  read('/stats', 'statistics; filter, usedonly, format=text|json|prometheus', describeStats),
  read('/stats/prometheus', 'statistics for Prometheus; filter, usedonly', describePrometheus),
]

const byPath: ReadonlyMap<string, Command> = new Map(commands.map((command) => [command.path, command]))

function read(path: string, helpText: string, run: AdminHandler): Command {
  return { path, help: helpText, mutates: false, run }
}

function change(path: string, helpText: string, run: AdminHandler): Command {
  return { path, help: helpText, mutates: true, run }
}

/** A web page must not be able to reach this through the operator's browser (DNS rebinding, cross-site posts). */
function isAllowed(request: Request): boolean {
  return isLoopback(new URL(request.url).hostname) && !request.headers.has('origin')
}

/** Answers one request out of the facts. */
export function answerAdmin(request: Request, source: AdminSource): Response {
  const url = new URL(request.url)
  const command = byPath.get(url.pathname)
  if (command === undefined) return text(`invalid path. ${helpText()}`, 404)
  const { method } = request
  const allowed = command.mutates ? method === 'POST' : method === 'GET' || method === 'HEAD'
  if (!allowed) return text(`Method ${method} not allowed, ${command.mutates ? 'POST' : 'GET'} required.\n`, 405)
  return command.run(source, url.searchParams)
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'))
}

function helpText(): string {
  const lines = commands.map(({ path, help: what, mutates }) => `  ${path}${mutates ? ' (POST)' : ''}: ${what}\n`)
  return `admin commands are:\n${lines.join('')}`
}

function help(): Response {
  return text(helpText())
}

function describeReadiness({ state, waiting }: AdminSource): Response {
  const now = state()
  if (now === 'LIVE') return text('LIVE\n')
  return text([now, ...waiting().map((what) => `waiting for ${what}`), ''].join('\n'), 503)
}

function describeServer({ info, state, uptimeSeconds }: AdminSource): Response {
  const uptime = `${uptimeSeconds()}s`
  return json({ ...info(), state: state(), uptime_current_epoch: uptime, uptime_all_epochs: uptime })
}

/** As Envoy's, in texts; the allocator is another one, so that only what has the same meaning stands here. */
function describeMemory(): Response {
  const { heapTotal, heapUsed, rss } = process.memoryUsage()
  return json({ allocated: String(heapUsed), heap_size: String(heapTotal), total_physical_bytes: String(rss) })
}

/** Draining is graceful in any case: responses end their connections, what runs may finish. */
function drainListeners(source: AdminSource, query: URLSearchParams): Response {
  if (query.has('skip_exit')) return badRequest('skip_exit is not implemented by this proxy')
  source.drain(query.has('inboundonly'))
  return text('OK\n')
}

function failHealthCheck(source: AdminSource): Response {
  source.failHealthCheck(true)
  return text('OK\n')
}

function passHealthCheck(source: AdminSource): Response {
  source.failHealthCheck(false)
  return text('OK\n')
}

function resetCounters(source: AdminSource): Response {
  source.resetCounters()
  return text('OK\n')
}

function quit(source: AdminSource): Response {
  source.quit()
  return text('OK\n')
}
