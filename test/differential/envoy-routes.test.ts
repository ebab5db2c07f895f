/**
 * The same route configurations and requests go through real Envoy and through `decide`: status, upstream, path, host
 * and headers must be equal. Left out when there is no `envoy` on the PATH.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { fromJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'

import { compileRouteConfiguration } from '../../src/proxy/config/index.ts'
import { rewritePath, toRequestView, type HeaderEdits, type RouteTable } from '../../src/proxy/route/index.ts'
import { RouteConfigurationSchema } from '../../src/xds/generated/envoy/config/route/v3/route_pb.ts'
import { routeCases, type CaseRequest } from './route-cases.ts'

const envoy = Bun.which('envoy')
const clusters = ['a', 'b', 'c', 'd', 'e', 'f']

/** What became of a request, as the client and the upstream see it. */
interface Outcome {
  readonly status: number
  /** Location of a redirect, body of a direct response; empty otherwise. */
  readonly answer: string
  readonly upstream:
    { readonly cluster: string; readonly target: string; readonly host: string; readonly headers: Tested } | undefined
  readonly headers: Tested
}

/** Headers whose names start with `x-` and belong to the cases, values joined. */
type Tested = Readonly<Record<string, string>>

const directory = mkdtempSync(join(tmpdir(), 'weft-differential-'))
const upstreams: Server[] = []
let process: Bun.Subprocess | undefined
let ports: ReadonlyMap<string, number> = new Map()

beforeAll(async () => {
  if (envoy === null) return
  const upstreamPorts = await Promise.all(clusters.map(startUpstream))
  const config = join(directory, 'envoy.json')
  const admin = join(directory, 'admin')
  writeFileSync(config, JSON.stringify(bootstrap(upstreamPorts)))
  const flags = ['-c', config, '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'error']
  process = Bun.spawn([envoy, ...flags, '--admin-address-path', admin], { stdout: 'ignore', stderr: 'inherit' })
  ports = await until(() => readPorts(admin))
}, 20_000)

afterAll(async () => {
  process?.kill()
  await process?.exited
  for (const server of upstreams) server.close()
  rmSync(directory, { recursive: true, force: true })
})

test.skipIf(envoy === null).each(routeCases.map((entry, index) => [entry.name, index] as const))(
  'decide() does what Envoy does: %s',
  async (_name, index) => {
    const entry = routeCases[index]
    if (entry === undefined) return
    const table = compileTable(index)
    for (const request of entry.requests) {
      const asked = `${request.method ?? 'GET'} ${request.host}${request.target} ${JSON.stringify(request.headers ?? [])}`
      const theirs = await askEnvoy(ports.get(listenerName(index)) ?? 0, request)
      expect({ asked, ...askDecide(table, request) }).toEqual({ asked, ...theirs })
    }
  },
)

function listenerName(index: number): string {
  return `case-${index}`
}

function routeConfig(index: number): JsonObject {
  const fields: JsonObject = parse(routeCases[index]?.routes ?? '')
  return { name: listenerName(index), ...fields }
}

function compileTable(index: number): RouteTable {
  const result = compileRouteConfiguration(fromJson(RouteConfigurationSchema, routeConfig(index)))
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

function startUpstream(cluster: string): Promise<number> {
  const server = createServer((request, response) => {
    const body = { cluster, target: request.url, host: request.headers.host, headers: tested(request.headers) }
    response.setHeader('x-upstream', cluster).end(JSON.stringify(body))
  })
  upstreams.push(server)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

function bootstrap(upstreamPorts: readonly number[]): JsonValue {
  const socket = (port: number): JsonValue => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  const type = 'type.googleapis.com/envoy.extensions.filters'
  const listener = (index: number): JsonValue => ({
    name: listenerName(index),
    address: socket(0),
    filter_chains: [
      {
        filters: [
          {
            name: 'hcm',
            typed_config: {
              '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 's',
              generate_request_id: false,
              // Local answers end with the connection, at once: the client reads to its end.
              delayed_close_timeout: '0s',
              route_config: routeConfig(index),
              http_filters: [{ name: 'router', typed_config: { '@type': `${type}.http.router.v3.Router` } }],
            },
          },
        ],
      },
    ],
  })
  const cluster = (name: string, port: number): JsonValue => ({
    name,
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(port) } }] }],
    },
  })
  return {
    admin: { address: socket(0) },
    static_resources: {
      listeners: routeCases.map((_, index) => listener(index)),
      clusters: clusters.map((name, index) => cluster(name, upstreamPorts[index] ?? 0)),
    },
  }
}

/** Bounded poll; Envoy takes about a second to start. */
async function until<Value>(read: () => Promise<Value | undefined>): Promise<Value> {
  const end = performance.now() + 15_000
  for (;;) {
    const value = await read().catch(() => undefined)
    if (value !== undefined) return value
    if (performance.now() > end || typeof process?.exitCode === 'number') throw new Error('Envoy did not start')
    await Bun.sleep(25)
  }
}

async function readPorts(adminFile: string): Promise<ReadonlyMap<string, number> | undefined> {
  const response = await fetch(`http://${readFileSync(adminFile, 'utf8')}/listeners?format=json`)
  const body = (await response.json()) as {
    listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[]
  }
  const found = new Map(
    (body.listener_statuses ?? []).map((status) => [status.name, status.local_address.socket_address.port_value]),
  )
  return found.size === routeCases.length ? found : undefined
}

async function askEnvoy(port: number, request: CaseRequest): Promise<Outcome> {
  const lines = (request.headers ?? []).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const text = await exchange(
    port,
    `${request.method ?? 'GET'} ${request.target} HTTP/1.1\r\nHost: ${request.host}\r\nConnection: close\r\nContent-Length: 0\r\n${lines}\r\n`,
  )
  const [head = '', body = ''] = text.split('\r\n\r\n', 2)
  const [statusLine = '', ...fields] = head.split('\r\n')
  const headers = new Map<string, string>()
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    const value = field.slice(colon + 1).trim()
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value)
  }
  const status = Number(statusLine.split(' ')[1])
  const forwarded = headers.get('server') === 'envoy' && body.includes('"cluster"')
  const json = forwarded ? body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1) : ''
  return {
    status,
    answer: forwarded ? '' : (headers.get('location') ?? body),
    upstream: forwarded ? (JSON.parse(json) as Outcome['upstream']) : undefined,
    headers: tested(Object.fromEntries(headers)),
  }
}

function exchange(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
}

/** The outcome that follows from `decide` when everything else works. */
function askDecide(table: RouteTable, request: CaseRequest): Outcome {
  const headers = request.headers ?? []
  const method = request.method ?? 'GET'
  const view = toRequestView({ method, authority: request.host, path: request.target, headers })
  const decision = table.decide(view, () => 0.5)
  switch (decision.kind) {
    case 'forward': {
      const query = view.query === '' ? '' : `?${view.query}`
      const upstream = {
        cluster: decision.cluster,
        target: rewritePath(decision, view.path) + query,
        host: decision.hostRewrite ?? request.host,
        headers: edited(headers, decision.requestEdits),
      }
      return {
        status: 200,
        answer: '',
        upstream,
        headers: edited([['x-upstream', decision.cluster]], decision.responseEdits),
      }
    }
    case 'redirect':
      return {
        status: decision.status,
        answer: decision.location,
        upstream: undefined,
        headers: edited([], decision.responseEdits),
      }
    case 'respond': {
      const answer = new TextDecoder().decode(decision.body)
      return { status: decision.status, answer, upstream: undefined, headers: edited([], decision.responseEdits) }
    }
    default:
      return { status: 404, answer: '', upstream: undefined, headers: {} }
  }
}

function edited(headers: readonly (readonly [string, string])[], edits: HeaderEdits | undefined): Tested {
  let fields = headers.map(([name, value]) => [name.toLowerCase(), value] as const)
  for (const name of edits?.remove ?? []) fields = fields.filter(([other]) => other !== name)
  for (const [name, value] of edits?.set ?? []) fields = [...fields.filter(([other]) => other !== name), [name, value]]
  const joined: Record<string, string> = {}
  for (const [name, value] of [...fields, ...(edits?.add ?? [])])
    joined[name] = name in joined ? `${joined[name]}, ${value}` : value
  return tested(joined)
}

const ownedByProxy = /^x-(?!envoy-|forwarded-|request-id)/

function tested(headers: IncomingHttpHeaders): Tested {
  const kept = Object.entries(headers).filter(([name]) => ownedByProxy.test(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}
