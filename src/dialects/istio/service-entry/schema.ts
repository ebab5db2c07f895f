import { isIP } from 'node:net'

import { labels } from '../../../resources/index.ts'
import {
  anything,
  dnsLabel,
  filledText,
  list,
  object,
  oneOf,
  optional,
  portNumber,
  type Read,
  type Reader,
  required,
  text,
  transform,
} from '../../../resources/schema/index.ts'
import { endpointAddress, endpointFields } from '../fields/endpoint.ts'
import { exportTo, hostPattern } from '../fields/hosts.ts'
import { reportUnsupported } from '../fields/unsupported.ts'
import { checkEntryHosts, checkEntryPorts, checkServiceEntry } from './validate.ts'

const endpointSpecFields = { address: optional(endpointAddress), ...endpointFields }

/** An endpoint of a ServiceEntry, as written. */
export type EndpointSpec = Read<typeof endpointSpecFields>

const protocolNames = [
  'HTTP',
  'HTTPS',
  'HTTP2',
  'GRPC',
  'GRPC-WEB',
  'TCP',
  'TLS',
  'MONGO',
  'MYSQL',
  'REDIS',
  'UDP',
] as const

/** Protocols are written in any case. */
const protocol: Reader<(typeof protocolNames)[number]> = (value, place) =>
  oneOf(protocolNames)(typeof value === 'string' ? value.toUpperCase() : value, place)

const portFields = {
  number: required(portNumber),
  name: required(dnsLabel),
  protocol: optional(protocol),
  targetPort: optional(portNumber),
}

/** A port of a ServiceEntry, as written. */
export type EntryPortSpec = Read<typeof portFields>

const virtualAddress: Reader<string> = transform(text, (address, place) => {
  const [base, bits] = address.split('/')
  const family = isIP(base ?? '')
  if (family !== 0 && bits === undefined) return address
  if (family !== 0 && bits === (family === 4 ? '32' : '128')) return base
  if (family !== 0) return reportUnsupported(place, `(range ${address})`)
  return place.report({ code: 'WEFT_FIELD_VALUE', expected: 'an IP address', got: JSON.stringify(address) })
})

const specFields = {
  hosts: required(list(hostPattern, checkEntryHosts)),
  addresses: optional(list(virtualAddress)),
  ports: optional(list(object(portFields), checkEntryPorts)),
  location: optional(oneOf(['MESH_EXTERNAL', 'MESH_INTERNAL'])),
  resolution: optional(oneOf(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'])),
  endpoints: optional(list(object(endpointSpecFields))),
  workloadSelector: optional(object({ labels: optional(labels) })),
  exportTo: optional(exportTo),
  subjectAltNames: optional(list(filledText)),
}

/** The `spec` of a ServiceEntry, as written. */
export type ServiceEntrySpec = Read<typeof specFields>

/** Reads a ServiceEntry. */
export const serviceEntryReader = object({
  apiVersion: required(anything),
  kind: required(anything),
  metadata: required(anything),
  spec: required(object(specFields, checkServiceEntry)),
  status: optional(anything),
})
