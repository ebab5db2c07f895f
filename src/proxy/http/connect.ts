import type { Exchange } from './exchange.ts'

/** `Exchange.upgradeType` of a CONNECT, which asks for a tunnel as an upgrade does. */
export const connectUpgrade = 'connect'

/** True for a CONNECT that ends here: what follows goes upstream as plain TCP (`connect_config`). */
export function endsConnect({ decision, upgradeType }: Exchange): boolean {
  return upgradeType === connectUpgrade && decision?.kind === 'forward' && decision.upgrades?.terminatesConnect === true
}

/** True for a response that opens the tunnel which was asked for: 101 to an upgrade, 2xx to CONNECT (RFC 9110 sections 7.8, 9.3.6). */
export function opensTunnel(exchange: Exchange, status: number): boolean {
  return exchange.upgradeType === connectUpgrade ? status >= 200 && status < 300 : status === 101
}

/** A host and its port (RFC 9112 section 3.2.3): all that CONNECT may name. */
export function isConnectTarget(authority: string): boolean {
  return /^[A-Za-z0-9\-._~!$&'()*+;=:%[\]]+:\d{1,5}$/.test(authority)
}
