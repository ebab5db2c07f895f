import type { Service } from '../model/index.ts'
import { planTcpTarget } from './plan-tcp.ts'
import type { AddressRange, ClusterRef, DnsPlan, TransparentPlan } from './plan.ts'
import { type ClientView, isVisible, spellingsOf } from './select/index.ts'
import { isHttp } from './wire-protocol.ts'

/** Range from which services without an address of their own get one; it is not routed anywhere. */
const automaticRange: AddressRange = { address: '240.240.0.0', length: 16 }

/** Services that a client may see, sorted by host. This is a scan: only for clients that hold the whole mesh. */
export function visibleServices(view: ClientView): readonly Service[] {
  return [...view.mesh.services.values()]
    .filter((service) => isVisible(service.exportTo, service.namespace, view.workload.namespace))
    .toSorted((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0))
}

/** Chains for intercepted connections: HTTP by address range, each TCP port by its service's address. */
export function planTransparent(
  view: ClientView,
  port: number,
): { readonly plan: TransparentPlan; readonly refs: readonly ClusterRef[] } {
  const httpRanges = new Map([[rangeKey(automaticRange), automaticRange]])
  const tcp: TransparentPlan['tcp'][number][] = []
  const refs: ClusterRef[] = []
  const taken = new Map<string, string>()
  for (const service of visibleServices(view)) {
    const ranges = view.index
      .virtualAddresses(service)
      .map(parseRange)
      .filter((range) => range !== undefined)
    for (const servicePort of service.ports) {
      if (servicePort.protocol === 'udp') continue
      if (isHttp(servicePort.protocol)) {
        for (const range of ranges) if (!isAutomatic(range)) httpRanges.set(rangeKey(range), range)
        continue
      }
      for (const range of ranges) {
        const key = `${rangeKey(range)} ${servicePort.number}`
        const owner = taken.get(key)
        if (owner !== undefined) {
          view.trace.warnings.push({
            code: 'WEFT_COMPILE_ADDRESS_TAKEN',
            message: `Address ${range.address} port ${servicePort.number} of ${service.host} already leads to ${owner}`,
            origin: service.origin,
          })
          continue
        }
        taken.set(key, service.host)
        const target = planTcpTarget(view, service.host, servicePort.number)
        refs.push(...target.refs)
        const name = `outbound_tcp_${servicePort.number}_${service.host}`
        tcp.push({ name: `${name}_${range.address}`, range, port: servicePort.number, target: target.target })
      }
    }
  }
  const sorted = [...httpRanges.values()].toSorted((a, b) => (rangeKey(a) < rangeKey(b) ? -1 : 1))
  return { plan: { port, httpRanges: sorted, tcp }, refs }
}

/** Every name by which the client may call a service, with its virtual addresses. */
export function planDns(view: ClientView, port: number): DnsPlan {
  const names = new Map<string, readonly string[]>()
  const { serviceDomain } = view.mesh.settings
  for (const service of visibleServices(view)) {
    const addresses = view.index.virtualAddresses(service).filter((address) => !address.includes('/'))
    if (addresses.length === 0 || service.host.includes('*')) continue
    for (const name of spellingsOf(service.host, view.workload.namespace, serviceDomain)) {
      // A service whose host is exactly this name goes before another's short form of it.
      if (!names.has(name) || name === service.host) names.set(name, addresses)
    }
  }
  const sorted = [...names].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return { port, names: sorted.map(([name, addresses]) => ({ name, addresses })) }
}

function isAutomatic(range: AddressRange): boolean {
  return range.length === 32 && range.address.startsWith('240.240.')
}

function rangeKey(range: AddressRange): string {
  return `${range.address}/${range.length}`
}

/** `10.0.0.1`, `10.0.0.0/8` or the same for IPv6; undefined for anything else. */
function parseRange(text: string): AddressRange | undefined {
  const [address = '', length] = text.split('/')
  const whole = address.includes(':') ? 128 : 32
  if (!/^[0-9A-Fa-f.:]+$/.test(address)) return undefined
  const bits = length === undefined ? whole : Number(length)
  return Number.isInteger(bits) && bits >= 0 && bits <= whole ? { address, length: bits } : undefined
}
