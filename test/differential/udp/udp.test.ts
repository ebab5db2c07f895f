/** UDP through real Envoy and through Weft with the same bootstrap: where datagrams go, what comes back, and what both count. */
import { createSocket, type Socket } from 'node:dgram'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { JsonObject } from '@bufbuild/protobuf'

import { waitUntil } from '../../harness/wait-until.ts'
import { type AdminAddress, envoyBinary, type RunningProxy, startEnvoy, startWeft } from '../http/proxies.ts'

const limitMs = 30_000
const type = 'type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3'
const hostCount = 5

/** Listener name (and `stat_prefix`) to its cluster and what else its proxy says. */
const listeners: Readonly<Record<string, { readonly cluster: string; readonly fields?: JsonObject }>> = {
  sticky: { cluster: 'round' },
  packets: { cluster: 'round', fields: { use_per_packet_load_balancing: true } },
  address: { cluster: 'ring', fields: { hash_policies: [{ source_ip: true }] } },
  key: { cluster: 'ring', fields: { hash_policies: [{ key: 'conference-7' }] } },
  maglev: { cluster: 'maglev', fields: { hash_policies: [{ source_ip: true }] } },
  idle: { cluster: 'one', fields: { idle_timeout: '0.3s' } },
  full: { cluster: 'full' },
  nowhere: { cluster: 'not-there' },
  empty: { cluster: 'empty' },
  plain: { cluster: 'one' },
}

const clusters: Readonly<Record<string, { readonly hosts: number; readonly fields?: JsonObject }>> = {
  round: { hosts: hostCount },
  ring: { hosts: hostCount, fields: { lb_policy: 'RING_HASH' } },
  maglev: { hosts: hostCount, fields: { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 1009 } } },
  one: { hosts: 1 },
  full: { hosts: 1, fields: { circuit_breakers: { thresholds: [{ max_connections: 2 }] } } },
  empty: { hosts: 0 },
}

function address(port: number, host = '127.0.0.1', protocol = 'UDP'): JsonObject {
  return { socket_address: { protocol, address: host, port_value: port } }
}

function bootstrap(admin: AdminAddress, ports: readonly number[]): JsonObject {
  return {
    node: { id: 'udp', cluster: 'udp' },
    admin: { address: address(admin.port, admin.host, 'TCP') },
    static_resources: {
      clusters: Object.entries(clusters).map(([name, { hosts, fields }]) => ({
        name,
        type: 'STATIC',
        connect_timeout: '2s',
        load_assignment: {
          cluster_name: name,
          endpoints: [
            { lb_endpoints: ports.slice(0, hosts).map((port) => ({ endpoint: { address: address(port) } })) },
          ],
        },
        ...fields,
      })),
      listeners: Object.entries(listeners).map(([name, { cluster, fields }]) => ({
        name,
        address: address(0),
        listener_filters: [
          {
            name: 'envoy.filters.udp_listener.udp_proxy',
            typed_config: {
              '@type': `${type}.UdpProxyConfig`,
              stat_prefix: name,
              matcher: {
                on_no_match: { action: { name: 'route', typed_config: { '@type': `${type}.Route`, cluster } } },
              },
              ...fields,
            },
          },
        ],
      })),
    },
  }
}

/** A client at an address of the loopback network, with what it was answered. */
class Client implements Disposable {
  readonly answers: string[] = []
  readonly #socket: Socket
  readonly #port: number

  constructor(socket: Socket, port: number) {
    this.#socket = socket
    this.#port = port
    socket.on('message', (bytes) => this.answers.push(bytes.toString('latin1')))
  }

  static async at(localAddress: string, port: number): Promise<Client> {
    const socket = createSocket('udp4')
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.bind(0, localAddress, resolve)
    await promise
    return new Client(socket, port)
  }

  send(bytes: string | Buffer): void {
    this.#socket.send(bytes, this.#port, '127.0.0.1')
  }

  /** The host that answers a datagram. */
  async ask(bytes: string | Buffer = 'x'): Promise<string> {
    const before = this.answers.length
    this.send(bytes)
    await waitUntil('an answer comes', () => this.answers.length > before)
    return this.answers.at(-1) ?? ''
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}

describe.skipIf(envoyBinary === null)('UDP', () => {
  const hosts: Socket[] = []
  const admins = new Map<RunningProxy, AdminAddress>()
  let envoy: RunningProxy
  let weft: RunningProxy

  beforeAll(async () => {
    for (let index = 0; index < hostCount; index += 1) {
      const host = createSocket('udp4')
      const { promise, resolve } = Promise.withResolvers<void>()
      host.bind(0, '127.0.0.1', resolve)
      await promise
      // Digits ask for an answer of so many bytes.
      host.on('message', (bytes, from) => {
        const wanted = Number(bytes.toString('latin1'))
        host.send(wanted > 0 ? Buffer.alloc(wanted, 'a') : `host ${index} ${bytes.length}`, from.port, from.address)
      })
      hosts.push(host)
    }
    const ports = hosts.map((host) => host.address().port)
    const seen: AdminAddress[] = []
    const make = (at: number) => (admin: AdminAddress) => {
      seen[at] = admin
      return bootstrap(admin, ports)
    }
    const count = Object.keys(listeners).length
    ;[envoy, weft] = await Promise.all([startEnvoy(make(0), count), startWeft(make(1), count)])
    const [one, other] = seen
    if (one !== undefined) admins.set(envoy, one)
    if (other !== undefined) admins.set(weft, other)
  }, limitMs)

  afterAll(async () => {
    await Promise.all([envoy?.[Symbol.asyncDispose](), weft?.[Symbol.asyncDispose]()])
    for (const host of hosts) host.close()
  })

  /** A series by its Prometheus name and one label value; 0 when it is not there. */
  async function metric(proxy: RunningProxy, name: string, label: string): Promise<number> {
    const admin = admins.get(proxy)
    const response = await fetch(`http://${admin?.host}:${admin?.port}/stats/prometheus`)
    const lines = (await response.text()).split('\n')
    const line = lines.find((text) => text.startsWith(`${name}{`) && text.includes(`"${label}"`))
    return Number(line?.split(' ').at(-1) ?? 0)
  }

  async function counts(proxy: RunningProxy, prefix: string, cluster: string): Promise<Record<string, number>> {
    const found: Record<string, number> = {}
    for (const name of [
      'sess_total',
      'sess_active',
      'sess_rx_datagrams',
      'sess_rx_bytes',
      'sess_tx_datagrams',
      'sess_tx_bytes',
    ])
      found[name] = await metric(proxy, `envoy_udp_downstream_${name}`, prefix)
    found['no_route'] = await metric(proxy, 'envoy_udp_downstream_sess_no_route', prefix)
    found['idle_timeout'] = await metric(proxy, 'envoy_udp_idle_timeout', prefix)
    for (const name of ['upstream_cx_none_healthy', 'upstream_cx_overflow'])
      found[name] = await metric(proxy, `envoy_cluster_${name}`, cluster)
    return found
  }

  async function hostsOf(proxy: RunningProxy, name: string, from: readonly string[]): Promise<readonly string[]> {
    const found: string[] = []
    for (const local of from) {
      using client = await Client.at(local, proxy.port(name))
      found.push(await client.ask())
    }
    return found
  }

  const clientAddresses = Array.from({ length: 30 }, (_, index) => `127.0.9.${index + 1}`)

  test('a flow stays with one host, and flows are spread, in both', async () => {
    for (const proxy of [envoy, weft]) {
      const seen = new Set<string>()
      for (let flow = 0; flow < hostCount; flow += 1) {
        using client = await Client.at('127.0.0.1', proxy.port('sticky'))
        const host = await client.ask()
        for (let again = 0; again < 5; again += 1) expect(await client.ask()).toBe(host)
        seen.add(host)
      }
      expect(seen.size).toBe(hostCount)
    }
    expect(await counts(weft, 'sticky', 'round')).toEqual(await counts(envoy, 'sticky', 'round'))
  })

  test('with balancing per datagram one flow goes round all hosts, in both', async () => {
    for (const proxy of [envoy, weft]) {
      using client = await Client.at('127.0.0.1', proxy.port('packets'))
      const seen: string[] = []
      for (let index = 0; index < 2 * hostCount; index += 1) seen.push(await client.ask())
      expect(new Set(seen.slice(0, hostCount)).size).toBe(hostCount)
      expect(seen.slice(hostCount)).toEqual(seen.slice(0, hostCount))
    }
    expect(await counts(weft, 'packets', 'round')).toEqual(await counts(envoy, 'packets', 'round'))
  })

  test.each(['address', 'key', 'maglev'])(
    'the hash policy names the host that Envoy chooses: %s',
    async (name) => {
      const [one, other] = await Promise.all([
        hostsOf(envoy, name, clientAddresses),
        hostsOf(weft, name, clientAddresses),
      ])
      expect(other).toEqual(one)
      expect(new Set(one).size > 2).toBe(name !== 'key')
    },
    limitMs,
  )

  test('an idle session ends in both, and the next datagram begins another', async () => {
    for (const proxy of [envoy, weft]) {
      using client = await Client.at('127.0.0.1', proxy.port('idle'))
      await client.ask('one')
      await waitUntil('the session ends', async () => (await metric(proxy, 'envoy_udp_idle_timeout', 'idle')) === 1)
      await client.ask('another')
      await waitUntil('it ends again', async () => (await metric(proxy, 'envoy_udp_idle_timeout', 'idle')) === 2)
    }
    expect(await counts(weft, 'idle', 'one')).toEqual(await counts(envoy, 'idle', 'one'))
  })

  test('the limit of connections refuses the same session in both', async () => {
    for (const proxy of [envoy, weft]) {
      using first = await Client.at('127.0.0.1', proxy.port('full'))
      using second = await Client.at('127.0.0.1', proxy.port('full'))
      using third = await Client.at('127.0.0.1', proxy.port('full'))
      await first.ask()
      await second.ask()
      third.send('x')
      await waitUntil(
        'it is refused',
        async () => (await metric(proxy, 'envoy_cluster_upstream_cx_overflow', 'full')) === 1,
      )
      expect(third.answers).toEqual([])
      expect(await first.ask('four')).toBe('host 0 4')
    }
    expect(await counts(weft, 'full', 'full')).toEqual(await counts(envoy, 'full', 'full'))
  })

  test('datagrams that have no cluster or no host are counted alike', async () => {
    for (const proxy of [envoy, weft]) {
      using one = await Client.at('127.0.0.1', proxy.port('nowhere'))
      using other = await Client.at('127.0.0.1', proxy.port('empty'))
      one.send('x')
      other.send('x')
      const done = async () => {
        const { no_route: noRoute = 0 } = await counts(proxy, 'nowhere', 'not-there')
        const { upstream_cx_none_healthy: noHost = 0 } = await counts(proxy, 'empty', 'empty')
        return noRoute === 1 && noHost === 1
      }
      await waitUntil('both are counted', done)
    }
    expect(await counts(weft, 'nowhere', 'not-there')).toEqual(await counts(envoy, 'nowhere', 'not-there'))
    expect(await counts(weft, 'empty', 'empty')).toEqual(await counts(envoy, 'empty', 'empty'))
  })

  test('empty datagrams pass, long answers pass, and a datagram above 1500 bytes is dropped, in both', async () => {
    for (const proxy of [envoy, weft]) {
      using client = await Client.at('127.0.0.1', proxy.port('plain'))
      expect(await client.ask(Buffer.alloc(0))).toBe('host 0 0')
      expect(await client.ask(Buffer.alloc(1500))).toBe('host 0 1500')
      client.send(Buffer.alloc(1501))
      expect(await client.ask('8000')).toHaveLength(8000)
    }
    expect(await counts(weft, 'plain', 'one')).toEqual(await counts(envoy, 'plain', 'one'))
  })
})
