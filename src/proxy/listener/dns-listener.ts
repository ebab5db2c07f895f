import { err, ok, type Result } from '../../base/index.ts'
import { createDnsServer, type DnsServer } from '../../net/index.ts'
import type { FieldFault, ListenerConfig } from '../config/index.ts'
import type { ListenerRuntime } from './tcp-listener.ts'

const noDnsFilter: FieldFault = { path: 'listener_filters', message: 'A UDP listener needs a dns_filter' }

/** Binds a UDP listener with a DNS filter. */
export async function createDnsListener(config: ListenerConfig): Promise<Result<ListenerRuntime, FieldFault>> {
  if (config.dns === undefined) return err(noDnsFilter)
  const bound = await createDnsServer({ address: config.address, port: config.port, answers: config.dns })
  if (!bound.ok) return err({ path: 'address.socket_address', message: bound.error.message })
  return ok(new DnsListenerRuntime(config, bound.value))
}

class DnsListenerRuntime implements ListenerRuntime {
  config: ListenerConfig
  readonly connections = 0
  readonly activeRequests = 0
  readonly #server: DnsServer

  constructor(config: ListenerConfig, server: DnsServer) {
    this.config = config
    this.#server = server
  }

  get address(): string {
    return this.#server.address
  }

  get port(): number {
    return this.#server.port
  }

  reconfigure(config: ListenerConfig): FieldFault | undefined {
    if (config.dns === undefined) return noDnsFilter
    this.config = config
    this.#server.setAnswers(config.dns)
    return undefined
  }

  descriptor(): number {
    return -1
  }

  drain(): Promise<void> {
    // A question is answered in one datagram: there is nothing to wait for.
    this.#server.close()
    return Promise.resolve()
  }
}
