/** Kinds of Kubernetes that are not ours, by group. A group with no list is Kubernetes' own in all its kinds. */
const kinds: Readonly<Record<string, readonly string[] | 'all'>> = {
  '': [
    'Binding',
    'ConfigMap',
    'Endpoints',
    'Event',
    'LimitRange',
    'Namespace',
    'Node',
    'PersistentVolume',
    'PersistentVolumeClaim',
    'PodTemplate',
    'ReplicationController',
    'ResourceQuota',
    'Secret',
  ],
  apps: ['ControllerRevision', 'DaemonSet', 'ReplicaSet', 'StatefulSet'],
  'admissionregistration.k8s.io': 'all',
  'apiextensions.k8s.io': 'all',
  'apiregistration.k8s.io': 'all',
  autoscaling: 'all',
  batch: 'all',
  'certificates.k8s.io': 'all',
  'coordination.k8s.io': 'all',
  'discovery.k8s.io': 'all',
  'events.k8s.io': 'all',
  extensions: 'all',
  'networking.k8s.io': 'all',
  'node.k8s.io': 'all',
  policy: 'all',
  'rbac.authorization.k8s.io': 'all',
  'scheduling.k8s.io': 'all',
  'storage.k8s.io': 'all',
}

/** Whether a kind is one of Kubernetes' that the mesh has no use for. */
export function isKubernetesKind(group: string, kind: string): boolean {
  const known = Object.hasOwn(kinds, group) ? kinds[group] : undefined
  return known === 'all' || (known?.includes(kind) ?? false)
}
