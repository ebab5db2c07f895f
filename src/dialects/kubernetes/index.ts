/**
 * Kubernetes' own kinds, as far as a mesh needs them: Services become services of the mesh; ServiceAccounts, Deployments and
 * Pods are descriptions (names, ports, labels, accounts) that are kept, shown and checked against, and start nothing.
 *
 * Whatever else a manifest directory holds is known by name, so that it can be passed over and a misspelt kind cannot.
 */
export { kubernetes } from './kubernetes.ts'
export { isKubernetesKind } from './kubernetes-kinds.ts'
export { type PodDescription, podDescriptionOf } from './pod-description.ts'
