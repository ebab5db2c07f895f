import type { Telemetry } from '../../telemetry/index.ts'
import type { NetworkRbacConfig } from '../config/index.ts'
import type { RbacSubject } from '../filters/index.ts'
import { type DownstreamInfo, withoutPort } from '../network/index.ts'

/**
 * `envoy.filters.network.rbac`: asks the filters of a chain in order. They are asked when the connection is there, TLS included; Envoy
 * waits for its first bytes.
 *
 * @returns Envoy's details of the first denial; undefined when all allow.
 */
export function authorizeConnection(
  filters: readonly NetworkRbacConfig[],
  info: DownstreamInfo,
  telemetry: Telemetry,
): string | undefined {
  const subject: RbacSubject = {
    connection: info,
    remoteAddress: withoutPort(info.remoteAddress),
    request: undefined,
  }
  for (const { rules, shadow, statPrefix } of filters) {
    const count = (name: string): void => {
      telemetry.counter(`envoy_rbac_${name}`, { envoy_rbac_prefix: statPrefix }).value += 1
    }
    if (shadow !== undefined) count(shadow.decide(subject).allowed ? 'shadow_allowed' : 'shadow_denied')
    if (rules === undefined) continue
    const { allowed, details } = rules.decide(subject)
    count(allowed ? 'allowed' : 'denied')
    if (!allowed) return details
  }
  return undefined
}
