import { err, ok, type Result } from '../../base/index.ts'
import { bindUdp, type UdpListener } from '../../net/index.ts'
import type { FieldFault, ListenerConfig, UdpProxyConfig } from '../config/index.ts'
import type { UdpProxy } from '../network/index.ts'
import type { ListenerServices } from './listener-services.ts'
import type { ListenerRuntime } from './tcp-listener.ts'

const noUdpProxy: FieldFault = { path: 'listener_filters', message: 'This UDP listener needs a udp_proxy' }

/** Binds a UDP listener with a UDP proxy; the fault names the `address` field. */
export async function createUdpListener(
  config: ListenerConfig,
  services: ListenerServices,
): Promise<Result<ListenerRuntime, FieldFault>> {
  if (config.udp === undefined) return err(noUdpProxy)
  const listener = new UdpListenerRuntime(config, config.udp, services)
  const fault = await listener.bind()
  return fault === undefined ? ok(listener) : err(fault)
}

class UdpListenerRuntime implements ListenerRuntime {
  config: ListenerConfig
  /** What goes on is a session, shown as a connection. */
  readonly activeRequests = 0
  readonly #proxy: UdpProxy
  readonly #dropped: { value: number }
  #socket: UdpListener | undefined

  constructor(config: ListenerConfig, udp: UdpProxyConfig, services: ListenerServices) {
    this.config = config
    const name = { envoy_listener_name: config.name }
    this.#dropped = services.telemetry.counter('envoy_listener_udp_downstream_rx_datagram_dropped', name)
    this.#proxy = services.createUdp(udp, {
      localAddress: () =>
        this.address.includes(':') ? `[${this.address}]:${this.port}` : `${this.address}:${this.port}`,
      reply: (bytes, port, address) => this.#socket?.send(bytes, port, address) ?? 'failed',
    })
  }

  async bind(): Promise<FieldFault | undefined> {
    const { address, port } = this.config
    const bound = await bindUdp(address, port, {
      onDatagram: (bytes, peerPort, peerAddress) => this.#onDatagram(bytes, peerPort, peerAddress),
    })
    if (!bound.ok) return { path: 'address.socket_address', message: bound.error.message }
    this.#socket = bound.value
    return undefined
  }

  descriptor(): number {
    return -1
  }

  get address(): string {
    return this.config.address
  }

  get port(): number {
    return this.#socket?.port ?? this.config.port
  }

  get connections(): number {
    return this.#proxy.sessions
  }

  reconfigure(config: ListenerConfig): FieldFault | undefined {
    if (config.udp === undefined) return noUdpProxy
    this.config = config
    this.#proxy.reconfigure(config.udp)
    return undefined
  }

  async drain(timeoutMs: number): Promise<void> {
    await this.#proxy.drain(timeoutMs)
    this.#socket?.close()
    this.#socket = undefined
  }

  #onDatagram(bytes: Uint8Array, port: number, address: string): void {
    if (bytes.length > this.#proxy.config.maxReceivedBytes) this.#dropped.value += 1
    else this.#proxy.onDatagram(bytes, port, address)
  }
}
