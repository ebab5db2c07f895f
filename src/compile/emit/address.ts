import type { Init } from './init.ts'
import { type AddressSchema, SocketAddress_Protocol } from '../../xds/generated/envoy/config/core/v3/address_pb.ts'

/** Initial value of `envoy.config.core.v3.Address`. */
export type AddressInit = Init<typeof AddressSchema>

/** A TCP address, or a pipe when `address` is a `unix://` path. */
export function tcpAddress(address: string, port: number): AddressInit {
  if (address.startsWith('unix://')) {
    return { address: { case: 'pipe', value: { path: address.slice('unix://'.length) } } }
  }
  return {
    address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
  }
}

/** A UDP address. */
export function udpAddress(address: string, port: number): AddressInit {
  const portSpecifier = { case: 'portValue', value: port } as const
  return { address: { case: 'socketAddress', value: { protocol: SocketAddress_Protocol.UDP, address, portSpecifier } } }
}
