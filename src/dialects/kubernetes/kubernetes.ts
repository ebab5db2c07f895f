import { type Diagnostic, type Resource, resourceLabel } from '../../resources/index.ts'
import { dnsLabel, Place, type Reader } from '../../resources/schema/index.ts'
import type { Dialect } from '../contract.ts'
import { deploymentReader, podReader, serviceAccountReader, serviceReader } from './schema.ts'
import { translateService } from './translate.ts'
import { checkSelectors } from './validate.ts'

const readers: ReadonlyMap<string, Reader<unknown>> = new Map<string, Reader<unknown>>([
  ['Service', serviceReader],
  ['ServiceAccount', serviceAccountReader],
  ['Pod', podReader],
  ['Deployment', deploymentReader],
])

/** Kubernetes' Service, ServiceAccount, Pod and Deployment. */
export const kubernetes: Dialect = {
  name: 'kubernetes',
  kinds: [
    { group: '', kind: 'Service', versions: ['v1'] },
    { group: '', kind: 'ServiceAccount', versions: ['v1'] },
    { group: '', kind: 'Pod', versions: ['v1'] },
    { group: 'apps', kind: 'Deployment', versions: ['v1'] },
  ],
  validate: (resource) => {
    const { place, found } = inspect(resource)
    // Kubernetes makes a DNS label of a Service's name, so dots cannot stand in it.
    if (resource.kind === 'Service' && resource.name !== '') dnsLabel(resource.name, place.at('metadata', 'name'))
    readers.get(resource.kind)?.(resource.body, place)
    return found
  },
  validateTogether: checkSelectors,
  translate: (resource, context) => {
    if (resource.kind !== 'Service') return {}
    const { place, found } = inspect(resource)
    const service = serviceReader(resource.body, place)
    if (service === undefined || found.some((fault) => fault.severity === 'error')) return {}
    return { services: [translateService(resource, service.spec, context)] }
  },
}

function inspect(resource: Resource): { readonly place: Place; readonly found: Diagnostic[] } {
  const found: Diagnostic[] = []
  return { place: new Place(resource, resourceLabel(resource), found), found }
}
