import { SocketAddress_Protocol, type Address } from '../../xds/generated/envoy/config/core/v3/address_pb.ts'
import type { CompileContext } from './compile-context.ts'
import { fieldPath } from './fault-list.ts'

/** An address and port; `port` is 0 for a pipe, whose `address` is its absolute path. */
export interface AddressValue {
  readonly address: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
}

/** What kinds of address a place takes. */
export type AddressKinds = 'ip' | 'ip-or-pipe' | 'host-name'

const nowhere: AddressValue = { address: '', port: 0, protocol: 'tcp' }

/** Reads a socket address or pipe; faults name what is missing. */
export function addressValue(
  context: CompileContext,
  path: string,
  field: { readonly value: Address | undefined; readonly kinds: AddressKinds },
): AddressValue {
  const choice = field.value?.address
  switch (choice?.case) {
    case 'pipe': {
      const pipe = choice.value.path
      if (field.kinds === 'ip-or-pipe' && pipe.startsWith('/')) return { address: pipe, port: 0, protocol: 'tcp' }
      const wanted =
        field.kinds === 'ip-or-pipe' ? 'an absolute path' : 'socket_address; a pipe is not implemented here'
      context.faults.add(fieldPath(path, 'pipe'), `Expected ${wanted}`)
      return nowhere
    }
    case 'socketAddress': {
      const at = fieldPath(path, 'socket_address')
      const { address, portSpecifier } = choice.value
      const isName = !isIpAddress(address)
      if (isName && (field.kinds !== 'host-name' || !isHostName(address))) {
        const wanted = field.kinds === 'host-name' ? 'an IP address or host name' : 'an IP address'
        context.faults.add(`${at}.address`, `Expected ${wanted}, got ${JSON.stringify(address)}`)
      }
      const port = portSpecifier.case === 'portValue' ? portSpecifier.value : 0
      if (port > 65_535) context.faults.add(`${at}.port_value`, `Expected a port from 0 to 65535, got ${port}`)
      return { address, port, protocol: choice.value.protocol === SocketAddress_Protocol.UDP ? 'udp' : 'tcp' }
    }
    default:
      context.faults.add(path, 'Expected socket_address, got nothing')
      return nowhere
  }
}

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`)
const ipv6Characters = /^[0-9A-Fa-f:]+(?::(\d+\.\d+\.\d+\.\d+))?$/

/** True for an IPv4 or IPv6 address without brackets or zone. */
export function isIpAddress(text: string): boolean {
  return ipv4.test(text) || isIpv6Address(text)
}

/** True for an IPv6 address (RFC 4291 section 2.2) without brackets or zone. */
export function isIpv6Address(text: string): boolean {
  const match = ipv6Characters.exec(text)
  if (match === null || !text.includes(':')) return false
  const tail = match[1]
  if (tail !== undefined && !ipv4.test(tail)) return false
  // An IPv4 tail stands for two groups.
  const plain = tail === undefined ? text : `${text.slice(0, -tail.length)}0:0`
  const halves = plain.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  if (groups.some((group) => group === '' || group.length > 4)) return false
  return halves.length === 2 ? groups.length < 8 : groups.length === 8
}

const hostName =
  /^(?=.{1,253}\.?$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/

function isHostName(text: string): boolean {
  return hostName.test(text)
}
