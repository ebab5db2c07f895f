import { type Diagnostic, type Resource, resourceLabel } from '../../resources/index.ts'
import { Place, type Reader } from '../../resources/schema/index.ts'
import type { Dialect, TranslateContext, TranslatedParts } from '../contract.ts'
import { destinationRuleReader } from './destination-rule/schema.ts'
import { translateDestinationRule } from './destination-rule/translate.ts'
import { gatewayReader } from './gateway/schema.ts'
import { translateGateway } from './gateway/translate.ts'
import { serviceEntryReader } from './service-entry/schema.ts'
import { translateServiceEntry } from './service-entry/translate.ts'
import { virtualServiceReader } from './virtual-service/schema.ts'
import { translateVirtualService } from './virtual-service/translate.ts'
import { workloadEntryReader } from './workload-entry/schema.ts'
import { translateWorkloadEntry } from './workload-entry/translate.ts'

interface Kind {
  readonly validate: (resource: Resource) => readonly Diagnostic[]
  readonly translate: (resource: Resource, context: TranslateContext) => TranslatedParts
}

const kinds: ReadonlyMap<string, Kind> = new Map([
  [
    'VirtualService',
    kind(virtualServiceReader, (resource, object, context) => ({
      routes: [translateVirtualService(resource, object.spec, context)],
    })),
  ],
  [
    'DestinationRule',
    kind(destinationRuleReader, (resource, object, context) => ({
      destinations: [translateDestinationRule(resource, object.spec, context)],
    })),
  ],
  [
    'ServiceEntry',
    kind(serviceEntryReader, (resource, object, context) => ({
      services: translateServiceEntry(resource, object.spec, context),
    })),
  ],
  [
    'WorkloadEntry',
    kind(workloadEntryReader, (resource, object, context) => ({
      workloads: [translateWorkloadEntry(resource, object.spec, context)],
    })),
  ],
  ['Gateway', kind(gatewayReader, (resource) => ({ gateways: [translateGateway(resource)] }))],
])

/** Istio's VirtualService, DestinationRule, ServiceEntry, WorkloadEntry and Gateway. */
export const istio: Dialect = {
  name: 'istio',
  kinds: [...kinds.keys()].map((name) => ({
    group: 'networking.istio.io',
    kind: name,
    versions: ['v1', 'v1beta1', 'v1alpha3'],
  })),
  validate: (resource) => kinds.get(resource.kind)?.validate(resource) ?? [],
  translate: (resource, context) => kinds.get(resource.kind)?.translate(resource, context) ?? {},
}

/** Joins the reader of a kind, which also applies its rules, with its translation. */
function kind<Value>(
  read: Reader<Value>,
  translate: (resource: Resource, object: Value, context: TranslateContext) => TranslatedParts,
): Kind {
  const inspect = (resource: Resource): { readonly value: Value | undefined; readonly found: Diagnostic[] } => {
    const found: Diagnostic[] = []
    return { value: read(resource.body, new Place(resource, resourceLabel(resource), found)), found }
  }
  return {
    validate: (resource) => inspect(resource).found,
    translate: (resource, context) => {
      const { value, found } = inspect(resource)
      if (value === undefined || found.some((fault) => fault.severity === 'error')) return {}
      return translate(resource, value, context)
    },
  }
}
