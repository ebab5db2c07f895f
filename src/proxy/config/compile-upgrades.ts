import type { HttpConnectionManager_UpgradeConfig } from '../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import type { RouteAction_UpgradeConfig } from '../../xds/generated/envoy/config/route/v3/route_components_pb.ts'
import type { RouteUpgrades } from '../route/index.ts'
import type { CompileContext } from './compile-context.ts'

const upgradeTypes = ['websocket', 'connect']

/** `HttpConnectionManager.upgrade_configs`: the types that are let through, in lower case; CONNECT is `connect`. */
export function compileUpgrades(
  context: CompileContext,
  path: string,
  configs: readonly HttpConnectionManager_UpgradeConfig[],
): readonly string[] {
  return configs.flatMap((config, index) => {
    const type = upgradeType(context, `${path}[${index}].upgrade_type`, config.upgradeType)
    return config.enabled === false ? [] : [type]
  })
}

/** `RouteAction.upgrade_configs`; undefined when there are none. */
export function compileRouteUpgrades(
  context: CompileContext,
  path: string,
  configs: readonly RouteAction_UpgradeConfig[],
): RouteUpgrades | undefined {
  if (configs.length === 0) return undefined
  const allowed = new Map<string, boolean>()
  let terminatesConnect = false
  for (const [index, config] of configs.entries()) {
    const at = `${path}[${index}]`
    const type = upgradeType(context, `${at}.upgrade_type`, config.upgradeType)
    if (allowed.has(type)) context.faults.add(`${at}.upgrade_type`, `Expected each type once, ${type} is there twice`)
    allowed.set(type, config.enabled ?? true)
    if (config.connectConfig === undefined) continue
    if (type === 'connect') terminatesConnect = true
    else
      context.faults.add(`${at}.connect_config`, `Expected upgrade_type CONNECT beside it, got ${config.upgradeType}`)
  }
  return Object.freeze({ allowed, terminatesConnect })
}

function upgradeType(context: CompileContext, path: string, text: string): string {
  const type = text.toLowerCase()
  if (!upgradeTypes.includes(type))
    context.faults.add(path, `Expected websocket or CONNECT; ${JSON.stringify(text)} is not implemented by this proxy`)
  return type
}
