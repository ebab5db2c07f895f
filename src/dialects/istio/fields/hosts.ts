import type { MeshSettings } from '../../../model/index.ts'
import { list, pattern, type Reader, transform } from '../../../resources/schema/index.ts'

const labelForm = '[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?'
const nameForm = `${labelForm}(\\.${labelForm})*\\.?`

/** Reads a host name, in lower case. */
export const hostName: Reader<string> = transform(
  pattern(new RegExp(`^${nameForm}$`), 'a host name such as reviews or reviews.default.svc.cluster.local', 253),
  (name) => name.toLowerCase().replace(/\.$/, ''),
)

/** Reads a host name, `*.domain` or `*`, in lower case. */
export const hostPattern: Reader<string> = transform(
  pattern(new RegExp(`^(\\*|(\\*\\.)?${nameForm})$`), 'a host name, *.domain or *', 253),
  (name) => name.toLowerCase().replace(/\.$/, ''),
)

/**
 * The fully qualified form of a host: a name without a dot is a service of the object's own namespace, any other stands as
 * written, as in Istio (`reviews.default` is not completed).
 */
export function qualifyHost(host: string, namespace: string, settings: MeshSettings): string {
  return host.includes('.') || host === '*' ? host : `${host}.${namespace}.${settings.serviceDomain}`
}

/** Reads `exportTo`: `*`, `.`, `~` or names of namespaces. */
export const exportTo: Reader<readonly string[]> = list(
  pattern(/^([*.~]|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/, '*, ., ~ or the name of a namespace', 63),
)

/** `exportTo` with Istio's default, which is everyone. */
export function exportToOrAll(given: readonly string[] | undefined): readonly string[] {
  return given === undefined || given.length === 0 ? ['*'] : given
}

const gatewayForm = /^(mesh|((\.|[a-z0-9]([-a-z0-9]*[a-z0-9])?)\/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$/

/** Reads the `gateways` of a VirtualService or of one of its matches. */
export const gatewayNames: Reader<readonly string[]> = list(
  pattern(gatewayForm, 'mesh, the name of a Gateway, or namespace/name', 317),
)

/** `mesh` or `namespace/name`. A short name is of the object's namespace; `name.namespace` is an older spelling of `namespace/name`. */
export function qualifyGateway(gateway: string, namespace: string): string {
  if (gateway === 'mesh') return gateway
  const [left, right] = gateway.split('/')
  if (left !== undefined && right !== undefined) return `${left === '.' ? namespace : left}/${right}`
  const [name, inNamespace] = gateway.split('.')
  return inNamespace === undefined ? `${namespace}/${gateway}` : `${inNamespace}/${name ?? ''}`
}
