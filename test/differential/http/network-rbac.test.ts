/** `envoy.filters.network.rbac` in front of a TCP proxy: the same connections go through Envoy and through `weft proxy`. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { JsonObject } from '@bufbuild/protobuf'

import { envoyBinary, type RunningProxy, startEnvoy, startWeft } from './proxies.ts'

const type = 'type.googleapis.com/envoy.extensions.filters.network'
const all: JsonObject = { any: true }
const loopback = { address_prefix: '127.0.0.0', prefix_len: 8 }

const cases: readonly (readonly [name: string, rules: JsonObject])[] = [
  ['allow', rules('ALLOW', all, all)],
  ['deny', rules('DENY', all, all)],
  ['allow-peer', rules('ALLOW', all, { direct_remote_ip: loopback })],
  ['deny-peer', rules('DENY', all, { not_id: { source_ip: { address_prefix: '10.0.0.0', prefix_len: 8 } } })],
  ['allow-another-port', rules('ALLOW', { destination_port: 1 }, all)],
  ['allow-authenticated', rules('ALLOW', all, { authenticated: {} })],
  ['no-rules', {}],
  ['shadow', { shadow_rules: { action: 'DENY', policies: { p: { permissions: [all], principals: [all] } } } }],
]

function rules(action: string, permission: JsonObject, principal: JsonObject): JsonObject {
  return { rules: { action, policies: { p: { permissions: [permission], principals: [principal] } } } }
}

let upstream: Bun.TCPSocketListener | undefined
const proxies: { name: string; proxy: RunningProxy }[] = []

beforeAll(async () => {
  if (envoyBinary === null) return
  upstream = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data: (socket, bytes) => void socket.write(bytes) },
  })
  const { port } = upstream
  const bootstrap = (admin: { host: string; port: number }): JsonObject => ({
    node: { id: 'rbac', cluster: 'rbac' },
    admin: { address: address(admin.port, admin.host) },
    static_resources: {
      listeners: cases.map(([name, settings]) => ({
        name,
        address: address(0),
        filter_chains: [
          {
            filters: [
              { name: 'rbac', typed_config: { '@type': `${type}.rbac.v3.RBAC`, stat_prefix: 'tcp.', ...settings } },
              {
                name: 'tcp',
                typed_config: { '@type': `${type}.tcp_proxy.v3.TcpProxy`, stat_prefix: 't', cluster: 'c' },
              },
            ],
          },
        ],
      })),
      clusters: [
        {
          name: 'c',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'c',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
          },
        },
      ],
    },
  })
  const [envoy, weft] = await Promise.all([startEnvoy(bootstrap, cases.length), startWeft(bootstrap, cases.length)])
  proxies.push({ name: 'envoy', proxy: envoy }, { name: 'weft', proxy: weft })
}, 30_000)

afterAll(async () => {
  for (const { proxy } of proxies) await proxy[Symbol.asyncDispose]()
  upstream?.stop(true)
})

function address(port: number, host = '127.0.0.1'): JsonObject {
  return { socket_address: { address: host, port_value: port } }
}

/** What comes back for `hello`; `closed` when the connection ends first. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: (socket) => void socket.write('hello'),
        data: (socket, bytes) => {
          resolve(bytes.toString())
          socket.end()
        },
        close: () => resolve('closed'),
        error: () => resolve('closed'),
      },
    }).catch((cause: unknown) => {
      // It may be reset before the connection is told to be there.
      if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET') resolve('closed')
      else reject(cause)
    })
  })
}

test.skipIf(envoyBinary === null).each(cases.map(([name]) => name))('%s', async (name) => {
  const answers: Record<string, string> = {}
  for (const { name: who, proxy } of proxies) answers[who] = await ask(proxy.port(name))
  const denied = ['deny', 'deny-peer', 'allow-another-port', 'allow-authenticated'].includes(name)
  const expected = denied ? 'closed' : 'hello'
  expect(answers).toEqual({ envoy: expected, weft: expected })
})
