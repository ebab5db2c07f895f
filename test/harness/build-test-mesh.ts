/** Model objects with defaults, for tests that need a mesh and no YAML. */
import type {
  DestinationPolicy,
  HttpRoute,
  HttpRouteRule,
  Leg,
  MeshParts,
  Service,
  Workload,
} from '../../src/model/index.ts'
import type { Origin } from '../../src/resources/index.ts'

/** Settings of test meshes. */
const testSettings = {
  trustDomain: 'cluster.local',
  serviceDomain: 'svc.cluster.local',
  rootNamespace: 'istio-system',
}

const none = { set: [], add: [], remove: [] }

/** An origin in a file that does not exist. */
function testOrigin(kind: string, name: string): Origin {
  return { kind, namespace: 'default', name, file: 'test.yaml', line: 1 }
}

/** A Kubernetes-like service `name` in `default` with HTTP port 9080, selecting `app: name`. */
export function testService(name: string, changes: Partial<Service> = {}): Service {
  const namespace = changes.namespace ?? 'default'
  return {
    host: `${name}.${namespace}.svc.cluster.local`,
    namespace,
    name,
    ports: [{ number: 9080, name: 'http', protocol: 'http1', targetPort: 9080 }],
    selector: new Map([['app', name]]),
    resolution: 'endpoints',
    location: 'mesh',
    staticEndpoints: [],
    addresses: [],
    exportTo: ['*'],
    subjectAltNames: [],
    createdAt: '1',
    origin: testOrigin('Service', name),
    ...changes,
  }
}

/** A ready workload `app-version` in `default` with a proxy. */
export function testWorkload(id: string, changes: Partial<Workload> = {}): Workload {
  const [app = id, version = 'v1'] = id.split('-')
  const namespace = changes.namespace ?? 'default'
  return {
    id,
    namespace,
    name: id,
    labels: new Map([
      ['app', app],
      ['version', version],
    ]),
    serviceAccount: app,
    spiffeId: `spiffe://cluster.local/ns/${namespace}/sa/${app}`,
    address: '127.0.0.1',
    ports: [{ port: 9080, name: 'http', applicationPort: 19080, meshPort: 29080 }],
    weight: 1,
    meshed: true,
    health: 'ready',
    proxy: { inboundAddress: '127.0.0.1', httpProxyPort: 15001, tcpUpstreams: [] },
    createdAt: '1',
    origin: testOrigin('Workload', id),
    ...changes,
  }
}

/** A leg to a service of `default`. */
export function testLeg(name: string, changes: Partial<Leg> = {}): Leg {
  return {
    host: `${name}.default.svc.cluster.local`,
    weight: 1,
    requestHeaders: none,
    responseHeaders: none,
    origin: testOrigin('VirtualService', name),
    ...changes,
  }
}

/** A rule without matches that forwards to `legs`. */
export function testRule(legs: readonly Leg[], changes: Partial<HttpRouteRule> = {}): HttpRouteRule {
  return {
    matches: [],
    action: { kind: 'forward', legs },
    requestHeaders: none,
    responseHeaders: none,
    retry: { attempts: 0, on: [], retriableStatusCodes: [], avoidPreviousHosts: true, source: 'explicit' },
    origin: testOrigin('VirtualService', 'rule'),
    ...changes,
  }
}

/** A route object of `default` for sidecars. */
export function testRoute(name: string, hosts: readonly string[], changes: Partial<HttpRoute> = {}): HttpRoute {
  return {
    namespace: 'default',
    name,
    hosts,
    gateways: ['mesh'],
    exportTo: ['*'],
    http: [],
    tcp: [],
    createdAt: '1',
    origin: testOrigin('VirtualService', name),
    ...changes,
  }
}

/** A destination policy of `default` without content. */
export function testDestination(
  name: string,
  host: string,
  changes: Partial<DestinationPolicy> = {},
): DestinationPolicy {
  return {
    namespace: 'default',
    name,
    host,
    portPolicies: new Map(),
    subsets: [],
    clientLabels: new Map(),
    exportTo: ['*'],
    createdAt: '1',
    origin: testOrigin('DestinationRule', name),
    ...changes,
  }
}

/** Parts of a mesh with nothing but what is given. */
export function testParts(parts: Partial<MeshParts>): MeshParts {
  return { settings: testSettings, services: [], workloads: [], routes: [], destinations: [], gateways: [], ...parts }
}
