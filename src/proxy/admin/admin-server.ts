import { isIP } from 'node:net'
import type { JsonValue } from '@bufbuild/protobuf'
import { MeshError } from '../../base/index.ts'
import type { ReceivedResource } from '../../xds/client/index.ts'
import type { DataPlaneDescription } from '../data-plane.ts'
import { describeResource } from './describe-config.ts'
import { type FrontPlace, type HttpFront, openHttpFront } from './http-front.ts'

/** Envoy's names of what a server is doing. */
export type ServerState = 'INITIALIZING' | 'LIVE' | 'DRAINING'

/** What the admin interface shows and does. */
export interface AdminSource {
  readonly state: () => ServerState
  /** What keeps the proxy from being ready. */
  readonly waiting: () => readonly string[]
  readonly metrics: () => string
  readonly describe: () => DataPlaneDescription
  readonly resources: () => readonly ReceivedResource[]
  /** The own certificate without its key; undefined when there is none. */
  readonly certificate: () => CertificateFacts | undefined
  readonly info: () => Readonly<Record<string, JsonValue>>
  /** Stops taking new work; answers at once. */
  readonly drain: () => void
  /** Drains and ends the process's work; answers at once. */
  readonly quit: () => void
}

/** What `/certs` tells of a certificate. */
export interface CertificateFacts {
  readonly spiffeId: string
  readonly serialNumber: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
}

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

type Handler = (source: AdminSource, url: URL) => Response

const reads: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['/', () => text(`${[...reads.keys(), ...actions.keys()].join('\n')}\n`)],
  ['/ready', ready],
  ['/stats', ({ metrics }) => prometheus(metrics())],
  ['/stats/prometheus', ({ metrics }) => prometheus(metrics())],
  ['/clusters', clusters],
  ['/listeners', listeners],
  ['/config_dump', configDump],
  ['/certs', certs],
  ['/server_info', ({ info, state }) => json({ ...info(), state: state() })],
])

const actions: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  [
    '/drain_listeners',
    ({ drain }) => {
      drain()
      return text('OK\n')
    },
  ],
  [
    '/quitquitquit',
    ({ quit }) => {
      quit()
      return text('OK\n')
    },
  ],
])

/** A web page must not be able to reach this through the operator's browser (DNS rebinding, cross-site posts). */
function isAllowed(request: Request): boolean {
  return isLoopback(new URL(request.url).hostname) && !request.headers.has('origin')
}

/** Answers one request out of the facts. */
export function answerAdmin(request: Request, source: AdminSource): Response {
  const url = new URL(request.url)
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const read = reads.get(url.pathname)
  if (read !== undefined) return isRead ? read(source, url) : text('Expected GET\n', 405)
  const action = actions.get(url.pathname)
  if (action !== undefined) return request.method === 'POST' ? action(source, url) : text('Expected POST\n', 405)
  return text('Not found\n', 404)
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'))
}

function ready({ state, waiting }: AdminSource): Response {
  const now = state()
  if (now === 'LIVE') return text('LIVE\n')
  return text([now, ...waiting().map((what) => `waiting for ${what}`), ''].join('\n'), 503)
}

/** Envoy's text form `cluster::endpoint::key::value`, or JSON with `?format=json`. */
function clusters({ describe }: AdminSource, url: URL): Response {
  const list = describe().clusters
  if (url.searchParams.get('format') === 'json') return json({ clusters: list })
  const lines = list.flatMap(({ name, endpoints }) => {
    return endpoints.flatMap((endpoint) => {
      const at = `${name}::${endpoint.address}:${endpoint.port}`
      return [
        `${at}::health_flags::${endpoint.health}`,
        `${at}::weight::${endpoint.weight}`,
        `${at}::cx_active::${endpoint.connections}`,
        `${at}::rq_active::${endpoint.activeRequests}`,
        `${at}::rq_total::${endpoint.totalRequests}`,
      ]
    })
  })
  return text(`${lines.join('\n')}\n`)
}

function listeners({ describe }: AdminSource, url: URL): Response {
  const list = describe().listeners
  if (url.searchParams.get('format') === 'json') return json({ listeners: list })
  return text(list.map(({ name, address, port }) => `${name}::${address}:${port}\n`).join(''))
}

function configDump({ resources }: AdminSource): Response {
  return json({ configs: resources().map(describeResource) })
}

function certs({ certificate }: AdminSource): Response {
  const facts = certificate()
  if (facts === undefined) return json({ certificates: [] })
  const { spiffeId, serialNumber, notBefore, notAfter } = facts
  const certChain = {
    serial_number: serialNumber,
    subject_alt_names: [{ uri: spiffeId }],
    valid_from: new Date(notBefore).toISOString(),
    expiration_time: new Date(notAfter).toISOString(),
  }
  return json({ certificates: [{ cert_chain: [certChain] }] })
}

function text(body: string, status = 200): Response {
  return new Response(body, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  })
}

function prometheus(body: string): Response {
  return new Response(body, { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
}

function json(body: unknown): Response {
  return new Response(`${JSON.stringify(body, undefined, 2)}\n`, { headers: { 'content-type': 'application/json' } })
}
