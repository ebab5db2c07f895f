import type { Result } from '../../base/index.ts'
import {
  RouteConfigurationSchema,
  type RouteConfiguration,
} from '../../xds/generated/envoy/config/route/v3/route_pb.ts'
import {
  VirtualHostSchema,
  type Route,
  type VirtualHost,
} from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import {
  createRouteTable,
  findDomainConflicts,
  type CompiledRetry,
  type RouteDefinition,
  type RouteTable,
  type RouteTableDefinition,
  type VirtualHostDefinition,
} from '../route/index.ts'
import { createCompileContext, type CompileContext, type CompileOptions } from './compile-context.ts'
import { compilePerFilter, noSettings, type PerFilterSettings } from './compile-per-filter.ts'
import { compileRetry } from './compile-retry.ts'
import { compileForward, compileRedirect, compileRespond } from './compile-route-action.ts'
import { compileRouteMatch } from './compile-route-match.ts'
import { requireAds } from './config-source.ts'
import { fieldPath } from './fault-list.ts'
import type { FieldFault } from './field-fault.ts'
import { requiredText } from './field-values.ts'
import { levelEdits } from './header-edits-values.ts'
import { originOf } from './metadata-values.ts'
import { checkSupport } from './support-check.ts'
import { supportedFields } from './supported-fields.ts'

/** Envoy's default of `max_direct_response_body_size_bytes`. */
const defaultMaxBodyBytes = 4096

/** Compiles a `RouteConfiguration` of RDS. */
export function compileRouteConfiguration(
  message: RouteConfiguration,
  options?: CompileOptions,
): Result<RouteTable, readonly FieldFault[]> {
  const context = createCompileContext(options)
  checkSupport(RouteConfigurationSchema, message, { table: supportedFields, faults: context.faults })
  requiredText(context, 'name', message.name)
  return context.faults.finish(routeTable(context, '', message))
}

/**
 * Compiles a `VirtualHost` of VHDS; `withVirtualHosts` puts it into its table, whose header edits and limits then count.
 * The table's body limit is not known here: whoever puts the host into its table checks `findOversizedBody`.
 */
export function compileVirtualHost(
  message: VirtualHost,
  options?: CompileOptions,
): Result<VirtualHostDefinition, readonly FieldFault[]> {
  const context = createCompileContext(options)
  checkSupport(VirtualHostSchema, message, { table: supportedFields, faults: context.faults })
  const host = virtualHost(context, '', { message, maxBodyBytes: Infinity })
  const [conflict] = findDomainConflicts([host])
  if (conflict !== undefined) context.faults.add('domains', `Domain ${conflict.domain} is given twice`)
  return context.faults.finish(host)
}

/** A route table of RDS or inline in a connection manager; the support check is the caller's. */
export function routeTable(context: CompileContext, path: string, message: RouteConfiguration): RouteTable {
  if (message.vhds !== undefined) requireAds(context, fieldPath(path, 'vhds.config_source'), message.vhds.configSource)
  const maxBodyBytes = message.maxDirectResponseBodySizeBytes ?? defaultMaxBodyBytes
  const definition: RouteTableDefinition = {
    name: message.name,
    onDemand: message.vhds !== undefined,
    maxDirectResponseBytes: maxBodyBytes,
    ignorePort: message.ignorePortInHostMatching,
    mostSpecificEditsWin: message.mostSpecificHeaderMutationsWins,
    ...levelEdits(context, path, message),
    virtualHosts: message.virtualHosts.map((host, index) =>
      virtualHost(context, fieldPath(path, `virtual_hosts[${index}]`), { message: host, maxBodyBytes }),
    ),
  }
  const table = createRouteTable(definition)
  if (table.ok) return table.value
  for (const { domain, virtualHost: name, other } of table.error) {
    const index = definition.virtualHosts.findIndex((host) => host.name === name && host.domains.includes(domain))
    const at = fieldPath(path, `virtual_hosts[${index}].domains`)
    context.faults.add(at, `Domain ${domain} is also a domain of virtual host ${other}`)
  }
  return emptyTable(definition)
}

/** Stands in for a table at fault, so that what is around it can be checked too; never served. */
function emptyTable(definition: RouteTableDefinition): RouteTable {
  return { name: definition.name, onDemand: definition.onDemand, decide: () => ({ kind: 'no-route' }) }
}

function virtualHost(
  context: CompileContext,
  path: string,
  field: { readonly message: VirtualHost; readonly maxBodyBytes: number },
): VirtualHostDefinition {
  const { message, maxBodyBytes } = field
  const name = requiredText(context, fieldPath(path, 'name'), message.name)
  if (message.domains.length === 0) context.faults.add(fieldPath(path, 'domains'), 'Expected at least one domain')
  const inherited = {
    maxBodyBytes,
    perFilter: compilePerFilter(context, path, message.typedPerFilterConfig, noSettings),
    retry: compileRetry(context, fieldPath(path, 'retry_policy'), message.retryPolicy),
    origin: originOf(message.metadata),
  }
  return {
    name,
    domains: message.domains.map((domain, index) =>
      requiredText(context, fieldPath(path, `domains[${index}]`), domain).toLowerCase(),
    ),
    routes: message.routes.map((route, index) =>
      compileRoute(context, fieldPath(path, `routes[${index}]`), route, inherited),
    ),
    ...levelEdits(context, path, message),
  }
}

interface HostSettings {
  readonly maxBodyBytes: number
  readonly perFilter: PerFilterSettings
  readonly retry: CompiledRetry | undefined
  /** For routes that name no origin of their own. */
  readonly origin: RouteDefinition['origin']
}

function compileRoute(context: CompileContext, path: string, route: Route, host: HostSettings): RouteDefinition {
  const match = compileRouteMatch(context, fieldPath(path, 'match'), route.match)
  const perFilter = compilePerFilter(context, path, route.typedPerFilterConfig, host.perFilter)
  return {
    name: route.name,
    origin: originOf(route.metadata) ?? host.origin,
    match,
    rbac: perFilter.rbac,
    action: compileAction(context, path, route, {
      match: match.path,
      perFilter,
      retry: host.retry,
      maxBodyBytes: host.maxBodyBytes,
    }),
    ...levelEdits(context, path, route),
  }
}

function compileAction(
  context: CompileContext,
  path: string,
  route: Route,
  settings: Parameters<typeof compileForward>[2]['inherited'] & { readonly maxBodyBytes: number },
): RouteDefinition['action'] {
  const choice = route.action
  switch (choice.case) {
    case 'route':
      return compileForward(context, fieldPath(path, 'route'), { action: choice.value, inherited: settings })
    case 'redirect':
      return compileRedirect(context, fieldPath(path, 'redirect'), { action: choice.value, match: settings.match })
    case 'directResponse': {
      const at = fieldPath(path, 'direct_response')
      return compileRespond(context, at, { action: choice.value, maxBodyBytes: settings.maxBodyBytes })
    }
    case undefined:
      context.faults.add(path, 'Expected route, redirect or direct_response')
      break
    default:
      // filter_action and non_forwarding_action: reported by the support check.
      break
  }
  return { kind: 'respond', status: 500, body: new Uint8Array() }
}
