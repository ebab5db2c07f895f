import {
  anything,
  dnsLabel,
  duration,
  integer,
  list,
  object,
  optional,
  portNumber,
  type Read,
  required,
  text,
} from '../../../resources/schema/index.ts'
import { headersReader } from '../fields/headers.ts'
import { exportTo, gatewayNames, hostName, hostPattern } from '../fields/hosts.ts'
import { unsupported } from '../fields/unsupported.ts'
import { directResponseReader, faultReader, redirectReader, retriesReader, rewriteReader } from './action-schema.ts'
import { httpMatches, tcpMatches } from './match-schema.ts'
import { checkHttpRule } from './validate-http.ts'
import { checkHosts, checkHttpRules, checkVirtualService, checkWeights } from './validate.ts'

const destinationFields = {
  host: required(hostName),
  port: optional(object({ number: required(portNumber) })),
  subset: optional(dnsLabel),
}

const weight = integer(0, 2_147_483_647)

const httpDestinationFields = {
  destination: required(object(destinationFields)),
  weight: optional(weight),
  headers: optional(headersReader),
}

const tcpDestinationFields = { destination: required(object(destinationFields)), weight: optional(weight) }

/** A weighted destination of an HTTP rule, as written. */
export type HttpDestinationSpec = Read<typeof httpDestinationFields>
/** A weighted destination of a TCP rule, as written. */
export type TcpDestinationSpec = Read<typeof tcpDestinationFields>

const httpRuleFields = {
  name: optional(text),
  match: optional(httpMatches),
  route: optional(list(object(httpDestinationFields), checkWeights)),
  redirect: optional(redirectReader),
  directResponse: optional(directResponseReader),
  rewrite: optional(rewriteReader),
  timeout: optional(duration({ zero: true })),
  retries: optional(retriesReader),
  fault: optional(faultReader),
  headers: optional(headersReader),
  delegate: unsupported,
  mirror: unsupported,
  mirrors: unsupported,
  mirrorPercent: unsupported,
  mirror_percent: unsupported,
  mirrorPercentage: unsupported,
  corsPolicy: unsupported,
}

/** A rule of `http`, as written. */
export type HttpRuleSpec = Read<typeof httpRuleFields>

const tcpRuleFields = {
  match: optional(tcpMatches),
  route: required(list(object(tcpDestinationFields), checkWeights)),
}

/** A rule of `tcp`, as written. */
export type TcpRuleSpec = Read<typeof tcpRuleFields>

const specFields = {
  hosts: required(list(hostPattern, checkHosts)),
  gateways: optional(gatewayNames),
  exportTo: optional(exportTo),
  http: optional(list(object(httpRuleFields, checkHttpRule), checkHttpRules)),
  tcp: optional(list(object(tcpRuleFields))),
  tls: unsupported,
}

/** The `spec` of a VirtualService, as written. */
export type VirtualServiceSpec = Read<typeof specFields>

/** Reads a VirtualService. */
export const virtualServiceReader = object({
  apiVersion: required(anything),
  kind: required(anything),
  metadata: required(anything),
  spec: required(object(specFields, checkVirtualService)),
  status: optional(anything),
})
