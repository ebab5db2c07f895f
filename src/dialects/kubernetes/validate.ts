import { isIP } from 'node:net'

import { type Diagnostic, type Resource, resourceLabel } from '../../resources/index.ts'
import { isPlainMap, Place, type Reader } from '../../resources/schema/index.ts'
import { podDescriptionOf } from './pod-description.ts'
import { protocolOf } from './protocol.ts'
import type { ServicePortSpec, ServiceSpec } from './schema.ts'

/** Rules of one port of a Service. */
export function checkPort(port: Partial<ServicePortSpec>, place: Place, written: (name: string) => boolean): void {
  const readable = port.port !== undefined && (port.name !== undefined || !written('name'))
  if (port.protocol === 'SCTP' || port.protocol === 'UDP') {
    place.at('protocol').report({
      code: 'WEFT_KUBERNETES_NO_EFFECT',
      severity: 'warning',
      message: `${port.protocol} ports are not carried by the mesh`,
    })
  } else if (readable && protocolOf(port) === undefined) {
    place.report({
      code: 'WEFT_KUBERNETES_PROTOCOL',
      severity: 'warning',
      message: `The protocol of port ${port.port} is not declared, so it is carried as TCP`,
      remedy: 'Set appProtocol, or begin the port name with http, http2, grpc, https, tls or tcp',
    })
  }
}

/** Rules between the ports of a Service: names when there are several, no name and no number twice. */
export function checkPorts(ports: readonly (Partial<ServicePortSpec> | undefined)[], place: Place): void {
  const names = new Set<string>()
  const numbers = new Set<string>()
  for (const [index, port] of ports.entries()) {
    if (port === undefined) continue
    if (port.name === undefined && ports.length > 1) {
      place.at(index, 'name').report({
        code: 'WEFT_FIELD_MISSING',
        message: 'A port needs a name where a Service has several',
        pointAt: 'key',
      })
    }
    if (port.name !== undefined && names.has(port.name)) {
      place.at(index, 'name').report({ code: 'WEFT_FIELD_CONFLICT', message: `Port name ${port.name} is used twice` })
    }
    const number = `${port.port ?? ''}/${port.protocol ?? 'TCP'}`
    if (port.port !== undefined && numbers.has(number)) {
      place.at(index, 'port').report({ code: 'WEFT_FIELD_CONFLICT', message: `Port ${number} is listed twice` })
    }
    if (port.name !== undefined) names.add(port.name)
    numbers.add(number)
  }
}

/** Rules between the fields of a Service's `spec`. */
export function checkServiceSpec(spec: Partial<ServiceSpec>, place: Place, written: (name: string) => boolean): void {
  const external = spec.type === 'ExternalName'
  if (external && !written('externalName')) {
    place.at('externalName').report({
      code: 'WEFT_FIELD_MISSING',
      message: 'A Service of type ExternalName needs an externalName',
      pointAt: 'key',
    })
  }
  if (!external && !written('ports') && spec.clusterIP !== 'None') {
    place.at('ports').report({ code: 'WEFT_FIELD_MISSING', message: 'A Service needs ports', pointAt: 'key' })
  }
  for (const [steps, address] of addressesOf(spec)) {
    if (address === '' || address === 'None' || isIP(address) !== 0) continue
    place
      .at(...steps)
      .report({ code: 'WEFT_FIELD_VALUE', expected: 'an IP address or None', got: JSON.stringify(address) })
  }
  warnNoEffect(spec, place, 'sessionAffinity', spec.sessionAffinity === 'ClientIP')
  warnNoEffect(spec, place, 'publishNotReadyAddresses', spec.publishNotReadyAddresses === true)
  warnNoEffect(spec, place, 'internalTrafficPolicy', spec.internalTrafficPolicy === 'Local')
  warnNoEffect(spec, place, 'trafficDistribution', spec.trafficDistribution !== undefined)
}

function addressesOf(spec: Partial<ServiceSpec>): readonly (readonly [readonly (string | number)[], string])[] {
  const single = spec.clusterIP === undefined ? [] : [[['clusterIP'], spec.clusterIP] as const]
  return [...single, ...(spec.clusterIPs ?? []).map((address, index) => [['clusterIPs', index], address] as const)]
}

function warnNoEffect(spec: Partial<ServiceSpec>, place: Place, field: keyof ServiceSpec, set: boolean): void {
  if (!set) return
  place.at(field).report({
    code: 'WEFT_KUBERNETES_NO_EFFECT',
    severity: 'warning',
    message: `${field} ${String(spec[field])} has no effect in the mesh`,
    remedy: 'Use a DestinationRule to choose how the mesh balances',
  })
}

/** Lets an ExternalName end with a dot, as DNS writes absolute names. */
export function checkExternalName(read: Reader<string>): Reader<string> {
  return (value, place) => read(typeof value === 'string' ? value.replace(/\.$/, '') : value, place)
}

/**
 * Warns of a Service whose selector selects none of the Deployments and Pods of its namespace. Where there are none at all the
 * workloads join by themselves (`weft run`), and nothing can be said.
 */
export function checkSelectors(resources: readonly Resource[]): readonly Diagnostic[] {
  const podsByNamespace = new Map<string, ReadonlyMap<string, string>[]>()
  for (const resource of resources) {
    const pod = podDescriptionOf(resource)
    if (pod === undefined) continue
    podsByNamespace.set(resource.namespace, [...(podsByNamespace.get(resource.namespace) ?? []), pod.labels])
  }
  const found: Diagnostic[] = []
  for (const resource of resources) {
    const selector = selectorOf(resource)
    const pods = podsByNamespace.get(resource.namespace)
    if (selector === undefined || selector.length === 0 || pods === undefined) continue
    if (pods.some((labels) => selector.every(([name, value]) => labels.get(name) === value))) continue
    new Place(resource, resourceLabel(resource), found, ['spec', 'selector']).report({
      code: 'WEFT_KUBERNETES_SELECTS_NOTHING',
      severity: 'warning',
      message: `No Deployment or Pod of namespace ${resource.namespace} has the labels ${selector.map((pair) => pair.join('=')).join(', ')}`,
      remedy: 'Compare the selector with the labels of the pod template',
    })
  }
  return found
}

function selectorOf(resource: Resource): readonly (readonly [string, unknown])[] | undefined {
  const { spec } = resource.body
  if (resource.group !== '' || resource.kind !== 'Service' || typeof spec !== 'object' || spec === null)
    return undefined
  const selector: unknown = 'selector' in spec ? spec.selector : undefined
  return isPlainMap(selector) ? Object.entries(selector) : undefined
}
