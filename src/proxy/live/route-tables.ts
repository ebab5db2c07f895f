import type { DataPlane } from '../data-plane.ts'
import { findOversizedBody, type RouteTable, type VirtualHostDefinition, withVirtualHosts } from '../route/index.ts'

interface Entry {
  /** From RDS; undefined while only virtual hosts have come. */
  base: RouteTable | undefined
  /** `base` with the delivered hosts. */
  table: RouteTable | undefined
  readonly delivered: Map<string, VirtualHostDefinition>
}

/** Route configurations with the virtual hosts that were delivered for them (VHDS); each change makes a new table. */
export class RouteTables {
  readonly #dataPlane: () => DataPlane
  readonly #entries = new Map<string, Entry>()

  constructor(dataPlane: () => DataPlane) {
    this.#dataPlane = dataPlane
  }

  has(route: string): boolean {
    return this.#entries.get(route)?.table !== undefined
  }

  isOnDemand(route: string): boolean {
    return this.#entries.get(route)?.table?.onDemand === true
  }

  /** Takes a route configuration in; the text says why not. Hosts delivered before stay. */
  putRoute(base: RouteTable): string | undefined {
    const entry = this.#entryOf(base.name)
    for (const [name, host] of entry.delivered) {
      const fault = bodyFault(base, host)
      if (fault !== undefined) return `max_direct_response_body_size_bytes: virtual host ${name} of VHDS has ${fault}`
    }
    const merged = withVirtualHosts(base, entry.delivered, [])
    if (!merged.ok)
      return `virtual_hosts: domain ${merged.error.map(({ domain }) => domain).join(', ')} is delivered by VHDS already`
    entry.base = base
    this.#serve(entry, merged.value)
    return undefined
  }

  /** Takes a delivered host in; the text says why not. `name` is the resource's: `http_proxy/reviews:9080`. */
  putHost(name: string, host: VirtualHostDefinition): string | undefined {
    const entry = this.#entryOf(routeOf(name))
    if (entry.table !== undefined) {
      const fault = bodyFault(entry.table, host)
      if (fault !== undefined) return fault
      const changed = withVirtualHosts(entry.table, new Map([[name, host]]), [])
      if (!changed.ok)
        return `domains: ${changed.error.map(({ domain }) => domain).join(', ')} belongs to another virtual host`
      this.#serve(entry, changed.value)
    }
    entry.delivered.set(name, host)
    return undefined
  }

  removeHost(name: string): void {
    const entry = this.#entries.get(routeOf(name))
    if (entry === undefined || !entry.delivered.delete(name) || entry.table === undefined) return
    const changed = withVirtualHosts(entry.table, new Map(), [name])
    if (changed.ok) this.#serve(entry, changed.value)
  }

  /** Nobody needs the route configuration any more. */
  forget(route: string): void {
    this.#entries.delete(route)
  }

  #entryOf(route: string): Entry {
    let entry = this.#entries.get(route)
    if (entry === undefined) {
      entry = { base: undefined, table: undefined, delivered: new Map() }
      this.#entries.set(route, entry)
    }
    return entry
  }

  #serve(entry: Entry, table: RouteTable): void {
    entry.table = table
    this.#dataPlane().putRouteTable(table)
  }
}

function bodyFault(table: RouteTable, host: VirtualHostDefinition): string | undefined {
  const found = findOversizedBody(table, host)
  if (found === undefined) return undefined
  const limit = `${found.maxBytes} bytes (max_direct_response_body_size_bytes of ${table.name})`
  return `routes[${found.route}].direct_response.body: expected at most ${limit}, got ${found.bytes}`
}

/** The route configuration that a virtual host resource belongs to: all before the last slash. */
export function routeOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')))
}
