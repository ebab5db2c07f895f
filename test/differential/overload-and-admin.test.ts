/** The overload manager, time limits of connections and streams, and the admin interface: Weft beside Envoy, on the same bootstrap. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

import { waitUntil } from '../harness/wait-until.ts'
import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from './http/proxies.ts'

const type = 'type.googleapis.com/envoy'
const directory = mkdtempSync(join(tmpdir(), 'weft-overload-'))
const silent = createServer(() => undefined)
const injected = 'envoy.resource_monitors.injected_resource'

interface Side {
  readonly proxy: RunningProxy
  readonly admin: AdminAddress
  readonly pressureFile: string
  readonly logFile: string
}

function socket(port: number, address = '127.0.0.1'): JsonObject {
  return { socket_address: { address, port_value: port } }
}

function bootstrapOf(admin: AdminAddress, pressureFile: string, logFile: string, upstream: number): JsonObject {
  const action = (name: string, value: number): JsonObject => ({
    name: `envoy.overload_actions.${name}`,
    triggers: [{ name: injected, threshold: { value } }],
  })
  const manager: JsonObject = {
    '@type': `${type}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    common_http_protocol_options: { max_stream_duration: '0.3s' },
    access_log: [
      {
        name: 'log',
        typed_config: {
          '@type': `${type}.extensions.access_loggers.file.v3.FileAccessLog`,
          path: logFile,
          log_format: {
            text_format_source: { inline_string: '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n' },
          },
        },
      },
    ],
    route_config: {
      name: 'r',
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [
            { match: { path: '/direct' }, direct_response: { status: 200, body: { inline_string: 'hi' } } },
            { match: { prefix: '/' }, route: { cluster: 'silent' } },
          ],
        },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${type}.extensions.filters.http.router.v3.Router` },
      },
    ],
  }
  const limit: JsonObject = {
    '@type': `${type}.extensions.filters.network.connection_limit.v3.ConnectionLimit`,
    stat_prefix: 'edge',
    max_connections: '2',
  }
  return {
    node: { id: 'node', cluster: 'cluster' },
    admin: { address: socket(admin.port, admin.host) },
    overload_manager: {
      refresh_interval: '0.05s',
      resource_monitors: [
        {
          name: injected,
          typed_config: {
            '@type': `${type}.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig`,
            filename: pressureFile,
          },
        },
      ],
      actions: [
        action('stop_accepting_requests', 0.5),
        action('disable_http_keepalive', 0.6),
        action('stop_accepting_connections', 0.7),
        action('reject_incoming_connections', 0.9),
      ],
    },
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: socket(0),
          filter_chains: [
            {
              filters: [
                { name: 'envoy.filters.network.connection_limit', typed_config: limit },
                { name: 'envoy.filters.network.http_connection_manager', typed_config: manager },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'silent',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'silent',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(upstream) } }] }],
          },
        },
      ],
    },
  }
}

async function start(kind: 'envoy' | 'weft'): Promise<Side> {
  const pressureFile = join(directory, `${kind}.pressure`)
  const logFile = join(directory, `${kind}.log`)
  writeFileSync(pressureFile, '0')
  writeFileSync(logFile, '')
  let admin: AdminAddress = { host: '', port: 0 }
  const upstream = (silent.address() as AddressInfo).port
  const proxy = await (kind === 'envoy' ? startEnvoy : startWeft)((address) => {
    admin = address
    return bootstrapOf(address, pressureFile, logFile, upstream)
  }, 1)
  return { proxy, admin, pressureFile, logFile }
}

async function page({ admin }: Side, path: string, method = 'GET'): Promise<string> {
  return (await fetch(`http://${admin.host}:${admin.port}${path}`, { method })).text()
}

async function press(side: Side, pressure: number): Promise<void> {
  writeFileSync(`${side.pressureFile}.new`, String(pressure))
  renameSync(`${side.pressureFile}.new`, side.pressureFile)
  const wanted = `overload.${injected}.pressure: ${Math.round(pressure * 100)}`
  await waitUntil('the pressure is read', async () =>
    (await page(side, `/stats?filter=injected_resource.pressure`)).includes(wanted),
  )
}

/** Sends text and reads until the other side is done, or has sent a body that ends as asked. */
function exchange(side: Side, text: string, until: RegExp): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const client = connect({ host: '127.0.0.1', port: side.proxy.port('l') })
  let answer = ''
  const done = (): void => {
    client.destroy()
    resolve(answer)
  }
  client.on('connect', () => client.write(text))
  client.on('data', (bytes) => {
    answer += bytes.toString('latin1')
    if (until.test(answer)) done()
  })
  client.on('error', done)
  client.on('close', done)
  return promise
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
}

/** Status, body, and whether the connection ends. */
function summary(answer: string): { readonly status: string; readonly body: string; readonly closes: boolean } {
  return {
    status: answer.slice(9, 12),
    body: answer.slice(answer.indexOf('\r\n\r\n') + 4),
    closes: /\r\nconnection: close\r\n/i.test(answer),
  }
}

describe.skipIf(envoyBinary === null)('beside Envoy', () => {
  let sides: readonly [Side, Side]

  beforeAll(async () => {
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    sides = await Promise.all([start('weft'), start('envoy')])
  }, 30_000)

  afterAll(async () => {
    await Promise.all((sides ?? []).map(({ proxy }) => proxy[Symbol.asyncDispose]()))
    silent.close()
    rmSync(directory, { recursive: true, force: true })
  })

  async function both<Value>(ask: (side: Side) => Promise<Value>): Promise<readonly [Value, Value]> {
    return await Promise.all([ask(sides[0]), ask(sides[1])])
  }

  const body = /\r\n\r\n.+$/s

  test.each([
    [0, 'served', { status: '200', body: 'hi', closes: false }],
    [0.55, 'no requests', { status: '503', body: 'envoy overloaded', closes: false }],
    [0.65, 'and no keep-alive', { status: '503', body: 'envoy overloaded', closes: true }],
  ] as const)('at a pressure of %p: %s', async (pressure, _what, expected) => {
    await both((side) => press(side, pressure))
    const [weft, envoy] = await both((side) => exchange(side, get('/direct'), body))
    expect(summary(weft)).toEqual(expected)
    expect(summary(weft)).toEqual(summary(envoy))
  })

  test('connections wait in the backlog while none is accepted, and the admin interface answers', async () => {
    await both((side) => press(side, 0.75))
    const [weft, envoy] = await both(async (side) => {
      const answer = exchange(side, get('/direct'), body)
      const isActive = `downstream_cx_active: 0`
      await waitUntil('nobody is accepted', async () =>
        (await page(side, '/stats?filter=http.in.downstream_cx_active')).includes(isActive),
      )
      await press(side, 0)
      return summary(await answer)
    })
    expect(weft).toEqual({ status: '200', body: 'hi', closes: false })
    expect(weft).toEqual(envoy)
  })

  test.each([
    ['the upstream is silent', get('/'), '504'],
    ['the request is not whole', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n', '408'],
  ])('max_stream_duration when %s', async (_case, text, status) => {
    await both((side) => press(side, 0))
    const [weft, envoy] = await both((side) => exchange(side, text, body))
    expect(summary(weft)).toMatchObject({ status, body: 'downstream duration timeout' })
    expect(summary(weft)).toEqual(summary(envoy))
  })

  /** Paths of all keys, lists as one. */
  function keysOf(value: JsonValue, path = ''): readonly string[] {
    if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, `${path}[]`))
    if (typeof value !== 'object' || value === null) return [path]
    return Object.entries(value).flatMap(([key, inner]) => keysOf(inner, `${path}.${key}`))
  }

  test.each([
    '/clusters?format=json',
    '/listeners?format=json',
    '/memory',
    '/server_info',
    '/stats?format=json&filter=http.in',
  ])('%s has no key that Envoy does not have there', async (path) => {
    // A request through each, so that counters are there.
    await both((side) => exchange(side, get('/direct'), body))
    const [weft, envoy] = await both(async (side) => new Set(keysOf(JSON.parse(await page(side, path)))))
    expect([...weft].filter((key) => !envoy.has(key))).toEqual([])
  })

  test('/config_dump has the same kinds of configuration and the same static resources', async () => {
    const [weft, envoy] = await both(async (side) => {
      const dump: { readonly configs: readonly (JsonObject & { readonly '@type': string })[] } = JSON.parse(
        await page(side, '/config_dump?include_eds'),
      )
      return dump.configs
    })
    const kinds = envoy.map((config) => config['@type'])
    for (const config of weft) expect(kinds).toContain(config['@type'])
    const clusters = (side: Side): Promise<string> =>
      page(side, '/config_dump?resource=static_clusters&mask=cluster.name')
    const names = (text: string): readonly string[] =>
      [...text.matchAll(/"name": "([^"]+)"/g)].map(([, name = '']) => name)
    const [ours, theirs] = await both(async (side) => names(await clusters(side)))
    expect(ours).toEqual(['silent'])
    expect(ours).toEqual(theirs)
  })

  test.each([
    ['/quitquitquit', 'GET'],
    ['/drain_listeners', 'GET'],
    ['/reset_counters', 'GET'],
    ['/healthcheck/fail', 'GET'],
    ['/logging', 'GET'],
    ['/nowhere', 'GET'],
    ['/healthcheck/fail', 'POST'],
    ['/ready', 'GET'],
    ['/healthcheck/ok', 'POST'],
    ['/ready', 'GET'],
    ['/reset_counters', 'POST'],
    ['/config_dump?resource=nothing', 'GET'],
    ['/stats?filter=(', 'GET'],
  ])('%s by %s has the same status', async (path, method) => {
    const [weft, envoy] = await both(
      async ({ admin }) => (await fetch(`http://${admin.host}:${admin.port}${path}`, { method })).status,
    )
    expect(weft).toBe(envoy)
  })

  test('the connection limit closes the third connection', async () => {
    const [weft, envoy] = await both(async (side) => {
      const held = [0, 1].map(() => connect({ host: '127.0.0.1', port: side.proxy.port('l') }))
      const isOpen = 'downstream_cx_active: 2'
      await waitUntil('two are open', async () =>
        (await page(side, '/stats?filter=http.in.downstream_cx_active')).includes(isOpen),
      )
      const answer = await exchange(side, get('/direct'), body)
      for (const client of held) client.destroy()
      return { answer, stats: await page(side, '/stats?filter=connection_limit.edge.limited_connections') }
    })
    expect(weft).toEqual({ answer: '', stats: 'connection_limit.edge.limited_connections: 1\n' })
    expect(weft).toEqual(envoy)
  })

  test('both have logged the same codes, flags and details', async () => {
    // Envoy writes its log when it ends.
    const lines = async (side: Side): Promise<readonly string[]> => {
      await page(side, '/quitquitquit', 'POST')
      const written = (): readonly string[] =>
        [...new Set(readFileSync(side.logFile, 'utf8').trim().split('\n'))].toSorted()
      await waitUntil('the log', () => written().length >= 4)
      return written()
    }
    const [weft, envoy] = await both(lines)
    expect(weft).toEqual([
      '200 - direct_response',
      '408 - max_duration_timeout',
      '503 - overload',
      '504 - max_duration_timeout',
    ])
    expect(weft).toEqual(envoy)
  }, 15_000)
})
