import { isIP } from 'node:net'
import type { HttpManagerConfig } from '../config/index.ts'
import type { ReceivedRequest } from './received-request.ts'

/**
 * Who the client is, by Envoy's rules: the peer of the connection with `use_remote_address`, else the last address of
 * `x-forwarded-for`; `xff_num_trusted_hops` proxies in front are skipped. `ip:port`, the port 0 when
 * nobody says it.
 */
export function clientAddress(
  request: ReceivedRequest,
  manager: Pick<HttpManagerConfig, 'useRemoteAddress' | 'xffTrustedHops'>,
  peer: string,
): string {
  const skipped = manager.useRemoteAddress ? manager.xffTrustedHops - 1 : manager.xffTrustedHops
  if (skipped < 0) return peer
  const address =
    request
      .header('x-forwarded-for')
      ?.split(',')
      .at(-1 - skipped)
      ?.trim() ?? ''
  const family = isIP(address)
  if (family === 0) return peer
  return family === 6 ? `[${address}]:0` : `${address}:0`
}
