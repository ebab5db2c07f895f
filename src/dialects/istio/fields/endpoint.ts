import { isIP } from 'node:net'

import { describeValue, labels } from '../../../resources/index.ts'
import {
  dnsName,
  integer,
  mapOf,
  optional,
  type Place,
  portNumber,
  type Reader,
  text,
  transform,
} from '../../../resources/schema/index.ts'
import { reportUnsupported, unsupported } from './unsupported.ts'

/** Reads an IP address or a host name; Unix sockets are refused as not yet supported. */
export const endpointAddress: Reader<string> = transform(text, (address, place) => {
  if (isIP(address) !== 0) return address
  if (address.startsWith('unix://')) return reportUnsupported(place, describeValue(address))
  return dnsName(address.toLowerCase().replace(/\.$/, ''), place)
})

/** Reads an IP address; a host name is refused with what to use instead. */
export const ipAddress: Reader<string> = transform(endpointAddress, (address, place) =>
  isIP(address) === 0 ? reportNoIp(address, place) : address,
)

/** Reports an address that had to be an IP address. */
export function reportNoIp(address: string, place: Place): undefined {
  return place.report({
    code: 'WEFT_FIELD_VALUE',
    expected: 'an IP address',
    got: describeValue(address),
    remedy: 'For a host name use a ServiceEntry with resolution DNS',
  })
}

/** Fields that WorkloadEntry and the endpoints of a ServiceEntry share, but for the address. */
export const endpointFields = {
  ports: optional(mapOf(portNumber)),
  labels: optional(labels),
  weight: optional(integer(0, 4_294_967_295)),
  serviceAccount: optional(dnsName),
  locality: unsupported,
  network: unsupported,
}
