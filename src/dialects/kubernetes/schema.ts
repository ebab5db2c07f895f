import { labels } from '../../resources/index.ts'
import {
  anything,
  boolean,
  dnsLabel,
  dnsName,
  integer,
  list,
  object,
  oneOf,
  openObject,
  optional,
  pattern,
  portNumber,
  type Read,
  type Reader,
  required,
  text,
} from '../../resources/schema/index.ts'
import { checkExternalName, checkPort, checkPorts, checkServiceSpec } from './validate.ts'

const portName = pattern(
  /^(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-))*(?<!-)$/,
  'a port number, or a port name (at most 15 lower-case letters, digits and single -)',
  15,
)

const targetPort: Reader<number | string> = (value, place) =>
  typeof value === 'number' ? portNumber(value, place) : portName(value, place)

const servicePortFields = {
  name: optional(dnsLabel),
  port: required(portNumber),
  targetPort: optional(targetPort),
  protocol: optional(oneOf(['TCP', 'UDP', 'SCTP'])),
  appProtocol: optional(text),
  nodePort: optional(integer(0, 65_535)),
}

/** A port of a Service, as written. */
export type ServicePortSpec = Read<typeof servicePortFields>

// Fields of type `anything` steer Kubernetes' own load balancing, which a mesh replaces; validate.ts warns where that shows.
const serviceSpecFields = {
  ports: optional(list(object(servicePortFields, checkPort), checkPorts)),
  selector: optional(labels),
  clusterIP: optional(text),
  clusterIPs: optional(list(text)),
  type: optional(oneOf(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'])),
  externalName: optional(checkExternalName(dnsName)),
  sessionAffinity: optional(oneOf(['None', 'ClientIP'])),
  publishNotReadyAddresses: optional(boolean),
  internalTrafficPolicy: optional(oneOf(['Cluster', 'Local'])),
  trafficDistribution: optional(text),
  allocateLoadBalancerNodePorts: optional(anything),
  externalIPs: optional(anything),
  externalTrafficPolicy: optional(anything),
  healthCheckNodePort: optional(anything),
  ipFamilies: optional(anything),
  ipFamilyPolicy: optional(anything),
  loadBalancerClass: optional(anything),
  loadBalancerIP: optional(anything),
  loadBalancerSourceRanges: optional(anything),
  sessionAffinityConfig: optional(anything),
}

/** The `spec` of a Service, as written. */
export type ServiceSpec = Read<typeof serviceSpecFields>

const envelope = { apiVersion: required(anything), kind: required(anything), metadata: required(anything) }

/** Reads a Service. */
export const serviceReader = object({
  ...envelope,
  spec: required(object(serviceSpecFields, checkServiceSpec)),
  status: optional(anything),
})

const containerReader = openObject({
  name: required(text),
  ports: optional(
    list(openObject({ name: optional(text), containerPort: required(portNumber), protocol: optional(text) })),
  ),
})

/** Reads the `spec` of a Pod: what it says of accounts, containers and ports. */
const podSpecReader = openObject({
  serviceAccountName: optional(text),
  serviceAccount: optional(text),
  containers: required(list(containerReader)),
})

/** Reads a Pod. */
export const podReader = openObject({ spec: required(podSpecReader) })

/** Reads a Deployment. */
export const deploymentReader = openObject({
  spec: required(
    openObject({
      selector: required(openObject({ matchLabels: optional(labels) })),
      template: required(
        openObject({ metadata: optional(openObject({ labels: optional(labels) })), spec: required(podSpecReader) }),
      ),
    }),
  ),
})

/** Reads a ServiceAccount; nothing in it but its name concerns the mesh. */
export const serviceAccountReader = openObject({})
