import { type Diagnostic, type Resource, resourceLabel, suggest } from '../resources/index.ts'
import { Place } from '../resources/schema/index.ts'
import { isKubernetesKind } from './kubernetes/index.ts'
import { dialects, servedKindOf, versionOf } from './served-kinds.ts'

/**
 * Groups whose objects steer or guard traffic. To ignore one would silently drop a policy, so their kinds are refused
 * until they are served.
 */
const meshGroups: readonly string[] = [
  'networking.istio.io',
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'gateway.networking.k8s.io',
  'gateway.networking.x-k8s.io',
  'split.smi-spec.io',
  'access.smi-spec.io',
  'specs.smi-spec.io',
  'policy.linkerd.io',
  'linkerd.io',
  'consul.hashicorp.com',
  'kuma.io',
  'appmesh.k8s.aws',
  'specs.smi.nginx.com',
]

/** What to say about an object that no dialect serves in its version: an error where it would be missed, else an `info`. */
export function judgeUnserved(resource: Resource): readonly Diagnostic[] {
  const found: Diagnostic[] = []
  const place = new Place(resource, resourceLabel(resource), found)
  const served = servedKindOf(resource)
  if (served !== undefined) {
    place.at('apiVersion').report({
      code: 'WEFT_RESOURCE_VERSION',
      expected: `one of ${served.versions.map((version) => withGroup(served.group, version)).join(', ')}`,
      got: resource.apiVersion,
      ...didYouMean(suggest(versionOf(resource), served.versions), served.group),
    })
    return found
  }
  const kinds = dialects.flatMap((dialect) => dialect.kinds)
  const ofGroup = kinds.filter((kind) => kind.group === resource.group).map((kind) => kind.kind)
  if (isKubernetesKind(resource.group, resource.kind)) return ignored(place, found, resource)
  const near = suggest(resource.kind, ofGroup)
  if (meshGroups.includes(resource.group) && near === undefined) {
    place.at('kind').report({
      code: 'WEFT_RESOURCE_KIND_UNSUPPORTED',
      message: `${resource.kind} of ${resource.group} is not yet supported`,
      remedy: `Remove the object. Supported kinds are ${describeKinds()}`,
    })
    return found
  }
  const otherGroup = kinds.find(
    (kind) =>
      kind.kind === resource.kind && (ofGroup.length > 0 || suggest(resource.group, [kind.group]) !== undefined),
  )
  if (ofGroup.length === 0 && otherGroup === undefined) return ignored(place, found, resource)
  const remedy =
    near ?? (otherGroup === undefined ? undefined : withGroup(otherGroup.group, otherGroup.versions[0] ?? ''))
  place.at(near === undefined && otherGroup !== undefined ? 'apiVersion' : 'kind').report({
    code: 'WEFT_RESOURCE_KIND',
    message: `Unknown kind ${resource.kind} of ${resource.apiVersion}`,
    remedy: remedy === undefined ? `Known kinds are ${describeKinds()}` : `Did you mean ${remedy}?`,
  })
  return found
}

function ignored(place: Place, found: Diagnostic[], resource: Resource): readonly Diagnostic[] {
  place.at('kind').report({
    code: 'WEFT_RESOURCE_IGNORED',
    severity: 'info',
    message: `${resource.kind} of ${resource.apiVersion} is not a mesh object and is ignored`,
  })
  return found
}

function describeKinds(): string {
  return dialects
    .flatMap((dialect) => dialect.kinds)
    .map((kind) => `${kind.kind} (${withGroup(kind.group, kind.versions[0] ?? '')})`)
    .join(', ')
}

function withGroup(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`
}

function didYouMean(version: string | undefined, group: string): { remedy?: string } {
  return version === undefined ? {} : { remedy: `Did you mean ${withGroup(group, version)}?` }
}
