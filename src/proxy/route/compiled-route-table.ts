import { err, invariant, ok, type Result } from '../../base/index.ts'
import { compileVirtualHostRoutes, type CompiledVirtualHost } from './compiled-virtual-host.ts'
import type { Decision, RequestView } from './decision.ts'
import {
  createDomainIndex,
  findDomainConflicts,
  type DomainConflict,
  type DomainEntry,
  type DomainIndex,
} from './domain-index.ts'
import type { RouteTable } from './route-table.ts'
import type { RouteTableDefinition, VirtualHostDefinition } from './route-definition.ts'

const noRoute: Decision = Object.freeze({ kind: 'no-route' })

/** Virtual hosts that VHDS delivered, by resource name, each compiled once. */
type DeliveredHosts = ReadonlyMap<string, DomainEntry<CompiledVirtualHost>>

/** Compiles a route table; the same domain in two virtual hosts is an error. */
export function createRouteTable(definition: RouteTableDefinition): Result<RouteTable, readonly DomainConflict[]> {
  const conflicts = findDomainConflicts(definition.virtualHosts)
  if (conflicts.length > 0) return err(conflicts)
  return ok(
    new CompiledRouteTable(
      definition,
      definition.virtualHosts.map((host) => toEntry(host, definition)),
      new Map(),
    ),
  )
}

/**
 * A new table with virtual hosts of VHDS put and removed; the other hosts are shared, the old table goes on serving.
 *
 * @param changed By resource name (`http_proxy/reviews:9080`).
 * @param removed Resource names; unknown ones are ignored.
 * @returns The table, or the domains that more than one virtual host claims.
 */
export function withVirtualHosts(
  table: RouteTable,
  changed: ReadonlyMap<string, VirtualHostDefinition>,
  removed: Iterable<string>,
): Result<RouteTable, readonly DomainConflict[]> {
  invariant(table instanceof CompiledRouteTable, 'A route table is made by createRouteTable')
  return table.withDelivered(changed, removed)
}

/** A direct response whose body is larger than its table allows. */
export interface OversizedBody {
  /** Index of the route in its virtual host. */
  readonly route: number
  readonly bytes: number
  /** `max_direct_response_body_size_bytes` of the table. */
  readonly maxBytes: number
}

/** The first direct response of a virtual host of VHDS that is too large for this table. */
export function findOversizedBody(table: RouteTable, host: VirtualHostDefinition): OversizedBody | undefined {
  invariant(table instanceof CompiledRouteTable, 'A route table is made by createRouteTable')
  const maxBytes = table.maxDirectResponseBytes
  for (const [route, { action }] of host.routes.entries()) {
    if (action.kind === 'respond' && action.body.length > maxBytes)
      return { route, bytes: action.body.length, maxBytes }
  }
  return undefined
}

/** Matches a request against a table; the same as `table.decide`. */
export function decide(
  table: RouteTable,
  request: RequestView,
  random: () => number,
  split: () => number = random,
): Decision {
  return table.decide(request, random, split)
}

class CompiledRouteTable implements RouteTable {
  readonly name: string
  readonly onDemand: boolean
  readonly #definition: RouteTableDefinition
  /** Hosts of the resource's own list. */
  readonly #own: readonly DomainEntry<CompiledVirtualHost>[]
  readonly #delivered: DeliveredHosts
  readonly #domains: DomainIndex<CompiledVirtualHost>

  constructor(
    definition: RouteTableDefinition,
    own: readonly DomainEntry<CompiledVirtualHost>[],
    delivered: DeliveredHosts,
  ) {
    this.name = definition.name
    this.onDemand = definition.onDemand
    this.#definition = definition
    this.#own = own
    this.#delivered = delivered
    this.#domains = createDomainIndex([...own, ...delivered.values()], definition.ignorePort)
  }

  get maxDirectResponseBytes(): number {
    return this.#definition.maxDirectResponseBytes
  }

  readonly decide = (request: RequestView, random: () => number, split: () => number = random): Decision => {
    const host = this.#domains.find(request.authority)
    if (host !== undefined) return host(request, random, split) ?? noRoute
    return this.onDemand ? { kind: 'on-demand', domain: request.authority.toLowerCase() } : noRoute
  }

  withDelivered(
    changed: ReadonlyMap<string, VirtualHostDefinition>,
    removed: Iterable<string>,
  ): Result<RouteTable, readonly DomainConflict[]> {
    const delivered = new Map(this.#delivered)
    for (const name of removed) delivered.delete(name)
    for (const [name, host] of changed) delivered.set(name, toEntry(host, this.#definition))
    const conflicts = findDomainConflicts([...this.#own, ...delivered.values()])
    if (conflicts.length > 0) return err(conflicts)
    return ok(new CompiledRouteTable(this.#definition, this.#own, delivered))
  }
}

function toEntry(host: VirtualHostDefinition, table: RouteTableDefinition): DomainEntry<CompiledVirtualHost> {
  return { name: host.name, domains: host.domains, host: compileVirtualHostRoutes(host, table) }
}
