import { isIP } from 'node:net'

import type { Place } from '../../../resources/schema/index.ts'
import { reportNoIp } from '../fields/endpoint.ts'
import { reportUnsupported } from '../fields/unsupported.ts'
import type { EntryPortSpec, ServiceEntrySpec } from './schema.ts'

type Written = (name: string) => boolean

/** Rules of `hosts`: at least one, none twice, none a wildcard yet. */
export function checkEntryHosts(hosts: readonly (string | undefined)[], place: Place): void {
  if (hosts.length === 0)
    place.report({ code: 'WEFT_FIELD_VALUE', expected: 'at least one host', got: 'an empty list' })
  const seen = new Set<string>()
  for (const [index, host] of hosts.entries()) {
    if (host === undefined) continue
    if (host.startsWith('*')) reportUnsupported(place.at(index), `(wildcard host ${host})`)
    if (seen.has(host)) place.at(index).report({ code: 'WEFT_FIELD_CONFLICT', message: `Host ${host} is listed twice` })
    seen.add(host)
  }
}

/** Rules between ports: no name and no number twice. */
export function checkEntryPorts(ports: readonly (EntryPortSpec | undefined)[], place: Place): void {
  const names = new Set<string>()
  const numbers = new Set<number>()
  for (const [index, port] of ports.entries()) {
    if (port === undefined) continue
    if (names.has(port.name)) {
      place.at(index, 'name').report({ code: 'WEFT_FIELD_CONFLICT', message: `Port name ${port.name} is used twice` })
    }
    if (numbers.has(port.number)) {
      place.at(index, 'number').report({ code: 'WEFT_FIELD_CONFLICT', message: `Port ${port.number} is listed twice` })
    }
    if (port.protocol === 'UDP') reportUnsupported(place.at(index, 'protocol'), 'UDP')
    if (port.protocol === undefined) {
      place.at(index).report({
        code: 'WEFT_ISTIO_PROTOCOL',
        severity: 'warning',
        message: `The protocol of port ${port.number} is not declared, so it is carried as TCP`,
        remedy: 'Set protocol, for example HTTP or TCP',
      })
    }
    names.add(port.name)
    numbers.add(port.number)
  }
}

/** Rules between the fields of a ServiceEntry: where its endpoints come from. */
export function checkServiceEntry(spec: Partial<ServiceEntrySpec>, place: Place, written: Written): void {
  checkResolution(spec, place, written)
  if (!written('ports') || spec.ports?.length === 0) {
    place.at('ports').report({ code: 'WEFT_FIELD_MISSING', message: 'A ServiceEntry needs ports', pointAt: 'key' })
  }
  if (written('endpoints') && written('workloadSelector')) {
    place.at('workloadSelector').report({
      code: 'WEFT_FIELD_CONFLICT',
      message: 'endpoints and workloadSelector exclude each other',
      remedy: 'Keep one of them',
      pointAt: 'key',
    })
  }
  if (written('workloadSelector') && spec.workloadSelector?.labels?.size === 0) {
    place.at('workloadSelector').report({ code: 'WEFT_FIELD_VALUE', expected: 'at least one label', got: 'none' })
  }
  for (const [index, endpoint] of (spec.endpoints ?? []).entries()) {
    const { address } = endpoint
    const at = place.at('endpoints', index, 'address')
    if (address === undefined) {
      at.report({ code: 'WEFT_FIELD_MISSING', message: 'Required field address is missing', pointAt: 'key' })
    } else if (spec.resolution === 'STATIC' && isIP(address) === 0) {
      reportNoIp(address, at)
    }
    checkEndpointPorts(spec, [...(endpoint.ports ?? new Map()).keys()], place.at('endpoints', index, 'ports'))
  }
}

function checkResolution(spec: Partial<ServiceEntrySpec>, place: Place, written: Written): void {
  const { resolution } = spec
  const at = place.at('resolution')
  if (!written('resolution') || resolution === 'NONE' || resolution === 'DYNAMIC_DNS') {
    at.report({
      code: 'WEFT_ISTIO_UNSUPPORTED',
      message: `resolution ${resolution ?? 'NONE (the default)'} is not yet supported`,
      remedy: 'Set resolution to STATIC, DNS or DNS_ROUND_ROBIN',
    })
    return
  }
  const endpoints = spec.endpoints?.length ?? 0
  if (resolution === 'STATIC' && !written('workloadSelector') && !written('endpoints')) {
    at.report({ code: 'WEFT_FIELD_MISSING', message: 'Resolution STATIC needs endpoints or a workloadSelector' })
  }
  if (resolution !== undefined && resolution !== 'STATIC' && written('workloadSelector')) {
    reportUnsupported(place.at('workloadSelector'), `with resolution ${resolution}`)
  }
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints > 1) {
    place.at('endpoints').report({
      code: 'WEFT_FIELD_VALUE',
      expected: 'at most one endpoint with resolution DNS_ROUND_ROBIN',
      got: String(endpoints),
    })
  }
}

function checkEndpointPorts(spec: Partial<ServiceEntrySpec>, names: readonly string[], place: Place): void {
  if (spec.ports === undefined) return
  const known = spec.ports.map((port) => port.name)
  for (const name of names) {
    if (known.includes(name)) continue
    place.at(name).report({
      code: 'WEFT_FIELD_VALUE',
      expected: `the name of a port of the entry (${known.join(', ')})`,
      got: JSON.stringify(name),
      pointAt: 'key',
    })
  }
}
