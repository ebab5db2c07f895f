import type { Gateway } from '../../../model/index.ts'
import { originOf, type Resource } from '../../../resources/index.ts'

/** What a Gateway means until gateways are served: a name that routes are bound to. */
export function translateGateway(resource: Resource): Gateway {
  return { namespace: resource.namespace, name: resource.name, origin: originOf(resource) }
}
