import { describeValue, labels } from '../../../resources/index.ts'
import {
  boolean,
  dnsLabel,
  list,
  mapOf,
  object,
  optional,
  type Place,
  portNumber,
  type Read,
  text,
} from '../../../resources/schema/index.ts'
import { gatewayNames } from '../fields/hosts.ts'
import { filledStringMatch, headerStringMatch, queryStringMatch } from '../fields/string-match.ts'
import { unsupported } from '../fields/unsupported.ts'
import { checkHttpMatch } from './validate-http.ts'

const headerConditions = mapOf(headerStringMatch, checkHeaderName)

const httpMatchFields = {
  name: optional(text),
  uri: optional(filledStringMatch),
  ignoreUriCase: optional(boolean),
  scheme: optional(filledStringMatch),
  method: optional(filledStringMatch),
  authority: optional(filledStringMatch),
  headers: optional(headerConditions),
  withoutHeaders: optional(headerConditions),
  queryParams: optional(mapOf(queryStringMatch, checkQueryName)),
  port: optional(portNumber),
  sourceLabels: optional(labels),
  sourceNamespace: optional(dnsLabel),
  gateways: optional(gatewayNames),
  statPrefix: unsupported,
}

/** One block of `match` of an HTTP rule. */
export type HttpMatchSpec = Read<typeof httpMatchFields>

/** Reads the `match` list of an HTTP rule. */
export const httpMatches = list(object(httpMatchFields, checkHttpMatch))

const tcpMatchFields = {
  port: optional(portNumber),
  sourceLabels: optional(labels),
  sourceNamespace: optional(dnsLabel),
  gateways: optional(gatewayNames),
  destinationSubnets: unsupported,
  sourceSubnet: unsupported,
}

/** One block of `match` of a TCP rule. */
export type TcpMatchSpec = Read<typeof tcpMatchFields>

/** Reads the `match` list of a TCP rule. */
export const tcpMatches = list(object(tcpMatchFields))

function checkQueryName(name: string, place: Place): void {
  if (name !== '') return
  place.report({ code: 'WEFT_FIELD_VALUE', expected: 'the name of a parameter', got: '""', pointAt: 'key' })
}

function checkHeaderName(name: string, place: Place): void {
  if (name.startsWith('@')) {
    place.report({
      code: 'WEFT_ISTIO_UNSUPPORTED',
      message: `Matching on token claims (${name}) is not yet supported`,
      remedy: 'Remove the condition',
      pointAt: 'key',
    })
  } else if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(name)) {
    const remedy = name.startsWith(':') ? { remedy: 'Use method, scheme, authority or uri' } : {}
    place.report({
      code: 'WEFT_FIELD_VALUE',
      expected: 'a header name',
      got: describeValue(name),
      pointAt: 'key',
      ...remedy,
    })
  }
}
