/** The address of `ip:port` or `[ip]:port`. */
export function withoutPort(address: string): string {
  const colon = address.lastIndexOf(':')
  const host = colon < 0 ? address : address.slice(0, colon)
  return host.startsWith('[') ? host.slice(1, -1) : host
}
