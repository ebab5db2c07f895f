/**
 * Every field of the Istio kinds that the dialect takes, and where it shows in the configuration that the proxy runs. The
 * world around a row: `productpage-v1` calls `reviews:9080` over HTTP and `db:3306` over TCP.
 */

/** One field: an object's `spec` that sets it, and what the proxy's configuration then says at a path. */
export interface FieldRow {
  readonly kind: 'VirtualService' | 'DestinationRule' | 'ServiceEntry' | 'WorkloadEntry'
  /** Path in the document, indexes left out: `spec.http[].timeout`. */
  readonly field: string
  /** YAML of the `spec`. */
  readonly spec: string
  /** `<kind> <resource name>` and a path in the decoded resource. */
  readonly at: readonly [resource: string, path: string]
  /** What stands there; undefined: nothing does. */
  readonly value: unknown
}

const reviews = 'outbound|9080||reviews.default.svc.cluster.local'
const reviewsV1 = 'outbound|9080|v1|reviews.default.svc.cluster.local'
const host = 'virtual-host http_proxy/reviews:9080'
const dbListener = 'listener outbound_3306_db.default.svc.cluster.local'
const external = 'virtual-host http_proxy/ext.example.com:80'
const externalCluster = 'outbound|80||ext.example.com'

type Shown = readonly [field: string, spec: string, path: string, value: unknown]

function rows(kind: FieldRow['kind'], resource: string, shown: readonly Shown[]): readonly FieldRow[] {
  return shown.map(([field, spec, path, value]) => ({ kind, field, spec, at: [resource, path], value }))
}

const toReviews = 'route: [{destination: {host: reviews}}]'

/** A VirtualService with one HTTP rule. */
function http(rule: string): string {
  return `{hosts: [reviews], http: [{${rule}}]}`
}

/** The three forms of a text condition on what stands at `path`. */
function conditions(name: string, place: string, write: (condition: string) => string): readonly Shown[] {
  return (['exact', 'prefix', 'regex'] as const).map((form): Shown => {
    const path = `${place}.match.${form === 'regex' ? 'regex.source' : 'value'}`
    return [`spec.http[].match[].${name}.${form}`, http(`match: [{${write(`{${form}: a}`)}}], ${toReviews}`), path, 'a']
  })
}

const header = 'routes.0.match.headers.0.condition'

const httpMatches: readonly Shown[] = [
  ['spec.http[].match[].name', http(`name: r, match: [{name: m}], ${toReviews}`), 'routes.0.name', 'r.m'],
  [
    'spec.http[].match[].uri.exact',
    http(`match: [{uri: {exact: /a}}], ${toReviews}`),
    'routes.0.match.path',
    { kind: 'exact', value: '/a', ignoreCase: false },
  ],
  [
    'spec.http[].match[].uri.prefix',
    http(`match: [{uri: {prefix: /a}}], ${toReviews}`),
    'routes.0.match.path',
    { kind: 'prefix', value: '/a', ignoreCase: false },
  ],
  [
    'spec.http[].match[].uri.regex',
    http(`match: [{uri: {regex: /a.*}}], ${toReviews}`),
    'routes.0.match.path.regex.source',
    '/a.*',
  ],
  [
    'spec.http[].match[].ignoreUriCase',
    http(`match: [{uri: {prefix: /a}, ignoreUriCase: true}], ${toReviews}`),
    'routes.0.match.path.ignoreCase',
    true,
  ],
  ...conditions('scheme', header, (condition) => `scheme: ${condition}`),
  ...conditions('method', header, (condition) => `method: ${condition}`),
  ...conditions('authority', header, (condition) => `authority: ${condition}`),
  ...conditions('headers.x', header, (condition) => `headers: {x: ${condition}}`),
  ...conditions('withoutHeaders.x', header, (condition) => `withoutHeaders: {x: ${condition}}`),
  ...conditions('queryParams.x', 'routes.0.match.query.0.condition', (condition) => `queryParams: {x: ${condition}}`),
  // Of a rule that is not for this client, only the route for CONNECT is left.
  ['spec.http[].match[].port', http(`match: [{port: 1}], ${toReviews}`), 'routes.length', 1],
  ['spec.http[].match[].sourceLabels', http(`match: [{sourceLabels: {app: x}}], ${toReviews}`), 'routes.length', 1],
  ['spec.http[].match[].sourceNamespace', http(`match: [{sourceNamespace: x}], ${toReviews}`), 'routes.length', 1],
  ['spec.http[].match[].gateways', http(`match: [{gateways: [x]}], ${toReviews}`), 'routes.length', 1],
]

/** Header operations on requests and responses, of a rule or of a destination. */
function headerEdits(field: string, level: string, write: (headers: string) => string): readonly Shown[] {
  return (['request', 'response'] as const).flatMap((side): readonly Shown[] => {
    const edits = `${level}.${side}Edits`
    const spec = (operations: string): string => write(`headers: {${side}: {${operations}}}`)
    return [
      [`${field}.${side}.set`, spec('set: {x: "1"}'), `${edits}.set`, [['x', '1']]],
      [`${field}.${side}.add`, spec('add: {x: 50%%}'), `${edits}.add`, [['x', '50%']]],
      [`${field}.${side}.remove`, spec('remove: [X]'), `${edits}.remove`, ['x']],
    ]
  })
}

const action = 'routes.0.action'
const leg = `${action}.legs.0`

function redirect(settings: string): string {
  return http(`redirect: {${settings}}`)
}

function fault(settings: string): string {
  return http(`fault: {${settings}}, ${toReviews}`)
}

function retries(settings: string): string {
  return http(`retries: {attempts: 3, ${settings}}, ${toReviews}`)
}

const httpActions: readonly Shown[] = [
  ['spec.http[].name', http(`name: r, ${toReviews}`), 'routes.0.name', 'r'],
  [
    'spec.http[].route[].destination.host',
    http('route: [{destination: {host: ratings}}]'),
    `${leg}.cluster`,
    'outbound|9080||ratings.default.svc.cluster.local',
  ],
  [
    'spec.http[].route[].destination.port.number',
    http('route: [{destination: {host: reviews, port: {number: 9081}}}]'),
    `${leg}.cluster`,
    'outbound|9081||reviews.default.svc.cluster.local',
  ],
  [
    'spec.http[].route[].destination.subset',
    http('route: [{destination: {host: reviews, subset: v1}}]'),
    `${leg}.cluster`,
    reviewsV1,
  ],
  [
    'spec.http[].route[].weight',
    http('route: [{destination: {host: reviews}, weight: 80}, {destination: {host: ratings}, weight: 20}]'),
    `${action}.legs.1.weight`,
    20,
  ],
  ...headerEdits('spec.http[].route[].headers', leg, (headers) =>
    http(`route: [{destination: {host: reviews}, ${headers}}]`),
  ),
  ...headerEdits('spec.http[].headers', 'routes.0', (headers) => http(`${headers}, ${toReviews}`)),
  ['spec.http[].redirect.uri', redirect('uri: /a'), `${action}.path`, { kind: 'full', replacement: '/a' }],
  [
    'spec.http[].redirect.prefixRewrite',
    redirect('prefixRewrite: /a'),
    `${action}.path`,
    { kind: 'prefix', matched: '/', replacement: '/a' },
  ],
  ['spec.http[].redirect.authority', redirect('authority: a:1'), `${action}.host`, 'a:1'],
  ['spec.http[].redirect.scheme', redirect('scheme: https'), `${action}.scheme`, 'https'],
  ['spec.http[].redirect.port', redirect('port: 81'), `${action}.port`, 81],
  ['spec.http[].redirect.derivePort', redirect('derivePort: FROM_REQUEST_PORT'), `${action}.port`, 9080],
  ['spec.http[].redirect.redirectCode', redirect('uri: /a, redirectCode: 308'), `${action}.status`, 308],
  ['spec.http[].directResponse.status', http('directResponse: {status: 418}'), `${action}.status`, 418],
  [
    'spec.http[].directResponse.body.string',
    http('directResponse: {status: 200, body: {string: tea}}'),
    `${action}.body`,
    new TextEncoder().encode('tea'),
  ],
  [
    'spec.http[].directResponse.body.bytes',
    http('directResponse: {status: 200, body: {bytes: AAEC/w==}}'),
    `${action}.body`,
    new Uint8Array([0, 1, 2, 255]),
  ],
  [
    'spec.http[].rewrite.uri',
    http(`rewrite: {uri: /b}, match: [{uri: {prefix: /a}}], ${toReviews}`),
    `${action}.pathRewrite`,
    { kind: 'prefix', matched: '/a', replacement: '/b' },
  ],
  ['spec.http[].rewrite.authority', http(`rewrite: {authority: b}, ${toReviews}`), `${leg}.hostRewrite`, 'b'],
  [
    'spec.http[].rewrite.uriRegexRewrite.match',
    http(`rewrite: {uriRegexRewrite: {match: "^/a(.*)", rewrite: "/b\\\\1"}}, ${toReviews}`),
    `${action}.pathRewrite.apply(/ax)`,
    '/bx',
  ],
  [
    'spec.http[].rewrite.uriRegexRewrite.rewrite',
    http(`rewrite: {uriRegexRewrite: {match: "^/a", rewrite: /c}}, ${toReviews}`),
    `${action}.pathRewrite.apply(/ax)`,
    '/cx',
  ],
  ['spec.http[].timeout', http(`timeout: 1.5s, ${toReviews}`), `${action}.timeoutMs`, 1500],
  ['spec.http[].retries.attempts', retries(''), `${action}.retry.attempts`, 3],
  ['spec.http[].retries.retryOn', retries('retryOn: "5xx,409"'), `${action}.retry.retriableStatusCodes`, [409]],
  ['spec.http[].retries.perTryTimeout', retries('perTryTimeout: 2s'), `${action}.retry.perTryTimeoutMs`, 2000],
  ['spec.http[].retries.backoff', retries('backoff: 10ms'), `${action}.retry.backoffBaseMs`, 10],
  [
    'spec.http[].retries.retryIgnorePreviousHosts',
    retries('retryIgnorePreviousHosts: false'),
    `${action}.retry.avoidPreviousHosts`,
    false,
  ],
  [
    'spec.http[].fault.delay.fixedDelay',
    fault('delay: {fixedDelay: 7s, percentage: {value: 1}}'),
    `${leg}.fault.delayMs`,
    7000,
  ],
  [
    'spec.http[].fault.delay.percentage.value',
    fault('delay: {fixedDelay: 7s, percentage: {value: 0.5}}'),
    `${leg}.fault.delayPartsPerMillion`,
    5000,
  ],
  [
    'spec.http[].fault.delay.percent',
    fault('delay: {fixedDelay: 7s, percent: 5}'),
    `${leg}.fault.delayPartsPerMillion`,
    50_000,
  ],
  [
    'spec.http[].fault.abort.httpStatus',
    fault('abort: {httpStatus: 418, percentage: {value: 1}}'),
    `${leg}.fault.abortStatus`,
    418,
  ],
  [
    'spec.http[].fault.abort.grpcStatus',
    fault('abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}'),
    `${leg}.fault.grpcStatus`,
    14,
  ],
  [
    'spec.http[].fault.abort.percentage.value',
    fault('abort: {httpStatus: 418, percentage: {value: 25}}'),
    `${leg}.fault.abortPartsPerMillion`,
    250_000,
  ],
]

const toDb = 'route: [{destination: {host: db2}}]'
const dbClusters = 'filterChains.0.network.clusters'
const db = 'outbound|3306||db.default.svc.cluster.local'

function tcp(rule: string): string {
  return `{hosts: [db], tcp: [{${rule}}]}`
}

const tcpRules: readonly Shown[] = [
  ['spec.tcp[].match[].port', tcp(`match: [{port: 1}], ${toDb}`), `${dbClusters}.0.name`, db],
  ['spec.tcp[].match[].sourceLabels', tcp(`match: [{sourceLabels: {app: x}}], ${toDb}`), `${dbClusters}.0.name`, db],
  ['spec.tcp[].match[].sourceNamespace', tcp(`match: [{sourceNamespace: x}], ${toDb}`), `${dbClusters}.0.name`, db],
  ['spec.tcp[].match[].gateways', tcp(`match: [{gateways: [x]}], ${toDb}`), `${dbClusters}.0.name`, db],
  [
    'spec.tcp[].route[].destination.host',
    tcp(toDb),
    `${dbClusters}.0.name`,
    'outbound|3306||db2.default.svc.cluster.local',
  ],
  [
    'spec.tcp[].route[].destination.port.number',
    tcp('route: [{destination: {host: db2, port: {number: 3307}}}]'),
    `${dbClusters}.0.name`,
    'outbound|3307||db2.default.svc.cluster.local',
  ],
  [
    'spec.tcp[].route[].destination.subset',
    tcp('route: [{destination: {host: db2, subset: v1}}]'),
    `${dbClusters}.0.name`,
    'outbound|3306|v1|db2.default.svc.cluster.local',
  ],
  [
    'spec.tcp[].route[].weight',
    tcp('route: [{destination: {host: db}, weight: 70}, {destination: {host: db2}, weight: 30}]'),
    `${dbClusters}.1.weight`,
    30,
  ],
]

/** A DestinationRule of reviews with one section of its traffic policy. */
function policy(sections: string): string {
  return `{host: reviews, trafficPolicy: {${sections}}}`
}

function tcpPool(settings: string): string {
  return policy(`connectionPool: {tcp: {${settings}}}`)
}

function httpPool(settings: string): string {
  return policy(`connectionPool: {http: {${settings}}}`)
}

function outlier(settings: string): string {
  return policy(`outlierDetection: {${settings}}`)
}

function tls(settings: string): string {
  return policy(`tls: {${settings}}`)
}

const hashPolicy = `${action}.hashPolicies.0`

function hashing(settings: string): string {
  return policy(`loadBalancer: {consistentHash: {${settings}}}`)
}

/** Keys of consistent hashing, as the decision for a request to the destination shows them. */
const hashKeys: readonly Shown[] = [
  [
    'loadBalancer.consistentHash.httpHeaderName',
    hashing('httpHeaderName: X-User'),
    hashPolicy,
    { kind: 'header', name: 'x-user', terminal: false },
  ],
  [
    'loadBalancer.consistentHash.httpCookie.name',
    hashing('httpCookie: {name: sid}'),
    hashPolicy,
    { kind: 'cookie', name: 'sid', path: '', ttlSeconds: undefined, terminal: false },
  ],
  [
    'loadBalancer.consistentHash.httpCookie.path',
    hashing('httpCookie: {name: sid, path: /a}'),
    `${hashPolicy}.path`,
    '/a',
  ],
  [
    'loadBalancer.consistentHash.httpCookie.ttl',
    hashing('httpCookie: {name: sid, ttl: 90s}'),
    `${hashPolicy}.ttlSeconds`,
    90,
  ],
  [
    'loadBalancer.consistentHash.useSourceIp',
    hashing('useSourceIp: true'),
    hashPolicy,
    { kind: 'source-ip', terminal: false },
  ],
  [
    'loadBalancer.consistentHash.httpQueryParameterName',
    hashing('httpQueryParameterName: User'),
    hashPolicy,
    { kind: 'query', name: 'User', terminal: false },
  ],
]

const names = 'tls.validation.value.subjectAltNames'

/** Settings of a traffic policy; each may also stand in a subset, for a port, or for a port of a subset. */
const policies: readonly Shown[] = [
  ['connectionPool.tcp.connectTimeout', tcpPool('connectTimeout: 250ms'), 'connectTimeoutMs', 250],
  ['connectionPool.tcp.maxConnections', tcpPool('maxConnections: 7'), 'limits.maxConnections', 7],
  ['connectionPool.tcp.tcpKeepalive.time', tcpPool('tcpKeepalive: {time: 60s}'), 'tcpKeepalive', { idleSeconds: 60 }],
  [
    'connectionPool.tcp.tcpKeepalive.interval',
    tcpPool('tcpKeepalive: {interval: 1500ms}'),
    'tcpKeepalive',
    { intervalSeconds: 2 },
  ],
  ['connectionPool.tcp.tcpKeepalive.probes', tcpPool('tcpKeepalive: {probes: 3}'), 'tcpKeepalive', { probes: 3 }],
  [
    'connectionPool.http.http1MaxPendingRequests',
    httpPool('http1MaxPendingRequests: 5'),
    'limits.maxPendingRequests',
    5,
  ],
  ['connectionPool.http.h2UpgradePolicy', httpPool('h2UpgradePolicy: UPGRADE'), 'protocol', 'http2'],
  ['connectionPool.http.http2MaxRequests', httpPool('http2MaxRequests: 6'), 'limits.maxRequests', 6],
  [
    'connectionPool.http.maxRequestsPerConnection',
    httpPool('maxRequestsPerConnection: 9'),
    'maxRequestsPerConnection',
    9,
  ],
  ['connectionPool.http.maxRetries', httpPool('maxRetries: 2'), 'limits.maxRetries', 2],
  ['connectionPool.http.idleTimeout', httpPool('idleTimeout: 30s'), 'idleTimeoutMs', 30_000],
  ['outlierDetection.consecutive5xxErrors', outlier('consecutive5xxErrors: 3'), 'outlierDetection.consecutive5xx', 3],
  [
    'outlierDetection.consecutiveGatewayErrors',
    outlier('consecutiveGatewayErrors: 4'),
    'outlierDetection.consecutiveGatewayFailure',
    4,
  ],
  [
    'outlierDetection.consecutiveErrors',
    outlier('consecutiveErrors: 6'),
    'outlierDetection.consecutiveGatewayFailure',
    6,
  ],
  [
    'outlierDetection.splitExternalLocalOriginErrors',
    outlier('splitExternalLocalOriginErrors: true'),
    'outlierDetection.splitLocalOrigin',
    true,
  ],
  [
    'outlierDetection.consecutiveLocalOriginFailures',
    outlier('splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2'),
    'outlierDetection.consecutiveLocalOriginFailure',
    2,
  ],
  ['outlierDetection.interval', outlier('interval: 1s'), 'outlierDetection.intervalMs', 1000],
  ['outlierDetection.baseEjectionTime', outlier('baseEjectionTime: 10m'), 'outlierDetection.baseEjectionMs', 600_000],
  ['outlierDetection.maxEjectionPercent', outlier('maxEjectionPercent: 50'), 'outlierDetection.maxEjectionPercent', 50],
  // 0 is what happens anyway; other values are refused.
  ['outlierDetection.minHealthPercent', outlier('minHealthPercent: 0'), 'outlierDetection.maxEjectionPercent', 10],
  ['loadBalancer.simple', policy('loadBalancer: {simple: RANDOM}'), 'balancer', { kind: 'random' }],
  [
    'loadBalancer.consistentHash.ringHash.minimumRingSize',
    hashing('httpHeaderName: x, ringHash: {minimumRingSize: 77}'),
    'balancer.minimumSize',
    77,
  ],
  [
    'loadBalancer.consistentHash.minimumRingSize',
    hashing('httpHeaderName: x, minimumRingSize: 78'),
    'balancer.minimumSize',
    78,
  ],
  [
    'loadBalancer.consistentHash.maglev.tableSize',
    hashing('httpHeaderName: x, maglev: {tableSize: 251}'),
    'balancer',
    { kind: 'maglev', tableSize: 251 },
  ],
  ['tls.mode', tls('mode: DISABLE'), 'transportMatches.length', 0],
  ['tls.sni', tls('mode: SIMPLE, sni: a.example'), 'tls.sni', 'a.example'],
  [
    'tls.subjectAltNames',
    tls('mode: SIMPLE, subjectAltNames: [a.example, 10.0.0.1, "spiffe://a/b"]'),
    names,
    [
      { type: 'dns', match: { kind: 'exact', value: 'a.example' } },
      { type: 'ip', match: { kind: 'exact', value: '10.0.0.1' } },
      { type: 'uri', match: { kind: 'exact', value: 'spiffe://a/b' } },
    ],
  ],
  [
    'tls.caCertificates',
    tls('mode: SIMPLE, caCertificates: /ca.pem'),
    'tls.validation.value.trustedCa',
    'text of /ca.pem',
  ],
  [
    'tls.clientCertificate',
    tls('mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem'),
    'tls.certificate.value.certificateChain',
    'text of /c.pem',
  ],
  [
    'tls.privateKey',
    tls('mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem'),
    'tls.certificate.value.privateKey',
    'text of /k.pem',
  ],
  ['tls.insecureSkipVerify', tls('mode: SIMPLE, insecureSkipVerify: true'), 'tls.validation', undefined],
]

function inTrafficPolicy([field, spec, path, value]: Shown): Shown {
  return [`spec.trafficPolicy.${field}`, spec, path, value]
}

const policyOf = /^\{host: reviews, trafficPolicy: \{(.*)\}\}$/

/** The same setting written for the one port of the service. */
function forPort([field, spec, path, value]: Shown): Shown {
  const sections = policyOf.exec(spec)?.[1] ?? ''
  const ports = `portLevelSettings: [{port: {number: 9080}, ${sections}}]`
  return [`spec.trafficPolicy.portLevelSettings[].${field}`, policy(ports), path, value]
}

const v1 = 'name: v1, labels: {version: v1}'

function inSubset([field, spec, path, value]: Shown): Shown {
  const sections = policyOf.exec(spec)?.[1] ?? ''
  return [
    `spec.subsets[].trafficPolicy.${field}`,
    `{host: reviews, subsets: [{${v1}, trafficPolicy: {${sections}}}]}`,
    path,
    value,
  ]
}

function forPortOfSubset([field, spec, path, value]: Shown): Shown {
  const sections = policyOf.exec(spec)?.[1] ?? ''
  const ports = `portLevelSettings: [{port: {number: 9080}, ${sections}}]`
  return [
    `spec.subsets[].trafficPolicy.portLevelSettings[].${field}`,
    `{host: reviews, subsets: [{${v1}, trafficPolicy: {${ports}}}]}`,
    path,
    value,
  ]
}

/** Its route leads to subset v1 of reviews. */
const hostOfSubset = 'virtual-host http_proxy/subsets:9080'

const roundRobin = { kind: 'round-robin' }
const leastRequest = { kind: 'least-request', choiceCount: 2 }
const idle = 'connectionPool: {tcp: {idleTimeout: 60s}}'
const balance = 'loadBalancer: {simple: ROUND_ROBIN}'

const destinationRules: readonly FieldRow[] = [
  ...rows('DestinationRule', `cluster ${reviews}`, policies.map(inTrafficPolicy)),
  ...rows('DestinationRule', `cluster ${reviews}`, policies.map(forPort)),
  ...rows('DestinationRule', `cluster ${reviewsV1}`, policies.map(inSubset)),
  ...rows('DestinationRule', `cluster ${reviewsV1}`, policies.map(forPortOfSubset)),
  ...rows('DestinationRule', host, hashKeys.map(inTrafficPolicy)),
  ...rows('DestinationRule', host, hashKeys.map(forPort)),
  ...rows('DestinationRule', hostOfSubset, hashKeys.map(inSubset)),
  ...rows('DestinationRule', hostOfSubset, hashKeys.map(forPortOfSubset)),
  ...rows('DestinationRule', `cluster ${reviews}`, [
    ['spec.host', policy(balance), 'balancer', roundRobin],
    ['spec.exportTo', `{host: reviews, exportTo: [x], trafficPolicy: {${balance}}}`, 'balancer', leastRequest],
    [
      'spec.workloadSelector.matchLabels',
      `{host: reviews, workloadSelector: {matchLabels: {app: x}}, trafficPolicy: {${balance}}}`,
      'balancer',
      leastRequest,
    ],
    [
      'spec.trafficPolicy.portLevelSettings[].port.number',
      policy(`portLevelSettings: [{port: {number: 1}, ${balance}}]`),
      'balancer',
      leastRequest,
    ],
  ]),
  ...rows('DestinationRule', `cluster ${reviewsV1}`, [
    ['spec.subsets[].name', `{host: reviews, subsets: [{${v1}}]}`, 'name', reviewsV1],
    [
      'spec.subsets[].trafficPolicy.portLevelSettings[].port.number',
      `{host: reviews, subsets: [{${v1}, trafficPolicy: {portLevelSettings: [{port: {number: 1}, ${balance}}]}}]}`,
      'balancer',
      leastRequest,
    ],
  ]),
  ...rows('DestinationRule', `endpoints ${reviewsV1}`, [
    ['spec.subsets[].labels', `{host: reviews, subsets: [{${v1}}]}`, 'endpoints.length', 1],
  ]),
  ...rows('DestinationRule', dbListener, [
    [
      'spec.trafficPolicy.loadBalancer.consistentHash.useSourceIp',
      '{host: db, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}}',
      'filterChains.0.network.hashSourceIp',
      true,
    ],
    [
      'spec.trafficPolicy.connectionPool.tcp.idleTimeout',
      `{host: db, trafficPolicy: {${idle}}}`,
      'filterChains.0.network.idleTimeoutMs',
      60_000,
    ],
    [
      'spec.trafficPolicy.portLevelSettings[].connectionPool.tcp.idleTimeout',
      `{host: db, trafficPolicy: {portLevelSettings: [{port: {number: 3306}, ${idle}}]}}`,
      'filterChains.0.network.idleTimeoutMs',
      60_000,
    ],
  ]),
  // The TCP route of `routed` leads to subset v1.
  ...rows('DestinationRule', 'listener outbound_3306_routed.default.svc.cluster.local', [
    [
      'spec.subsets[].trafficPolicy.connectionPool.tcp.idleTimeout',
      `{host: routed, subsets: [{${v1}, trafficPolicy: {${idle}}}]}`,
      'filterChains.0.network.idleTimeoutMs',
      60_000,
    ],
    [
      'spec.subsets[].trafficPolicy.portLevelSettings[].connectionPool.tcp.idleTimeout',
      `{host: routed, subsets: [{${v1}, trafficPolicy: {portLevelSettings: [{port: {number: 3306}, ${idle}}]}}]}`,
      'filterChains.0.network.idleTimeoutMs',
      60_000,
    ],
  ]),
]

/** A ServiceEntry of one host with `fields` of its `spec`. */
function entry(fields: string, port = '{number: 80, name: http, protocol: HTTP}'): string {
  return `{hosts: [ext.example.com], ports: [${port}], ${fields}}`
}

function endpoint(fields: string): string {
  return entry(`resolution: STATIC, endpoints: [{address: 10.0.0.9, ${fields}}]`)
}

const dns = 'resolution: DNS'

const serviceEntries: readonly FieldRow[] = [
  ...rows('ServiceEntry', external, [
    ['spec.hosts', entry(dns), `${leg}.cluster`, externalCluster],
    ['spec.ports[].number', entry(dns), `${leg}.cluster`, externalCluster],
    ['spec.exportTo', entry(`${dns}, exportTo: [x]`), '', undefined],
    ['spec.ports[].protocol', entry(dns, '{number: 80, name: p, protocol: TCP}'), '', undefined],
  ]),
  ...rows('ServiceEntry', 'virtual-host http_proxy/10.1.1.1', [
    ['spec.addresses', entry(`${dns}, addresses: [10.1.1.1]`), `${leg}.cluster`, externalCluster],
  ]),
  ...rows('ServiceEntry', `cluster ${externalCluster}`, [
    ['spec.resolution', entry('resolution: DNS_ROUND_ROBIN'), 'discovery', 'logical-dns'],
    ['spec.location', endpoint('').replace('{hosts', '{location: MESH_INTERNAL, hosts'), 'transportMatches.length', 2],
    [
      'spec.subjectAltNames',
      endpoint('labels: {a: b}').replace(
        '{hosts',
        '{location: MESH_INTERNAL, subjectAltNames: ["spiffe://a/b"], hosts',
      ),
      'transportMatches.0.tls.subjectAltNames.0.match.value',
      'spiffe://a/b',
    ],
    [
      'spec.endpoints[].serviceAccount',
      endpoint('serviceAccount: x').replace('{hosts', '{location: MESH_INTERNAL, hosts'),
      'transportMatches.0.tls.subjectAltNames.0.match.value',
      'spiffe://cluster.local/ns/default/sa/x',
    ],
    [
      'spec.ports[].targetPort',
      entry(dns, '{number: 80, name: http, protocol: HTTP, targetPort: 8080}'),
      'endpoints.0.port',
      8080,
    ],
  ]),
  ...rows('ServiceEntry', `endpoints ${externalCluster}`, [
    ['spec.endpoints[].address', endpoint(''), 'endpoints.0.address', '10.0.0.9'],
    ['spec.endpoints[].ports', endpoint('ports: {http: 8081}'), 'endpoints.0.port', 8081],
    ['spec.ports[].name', endpoint('ports: {http: 8081}'), 'endpoints.0.port', 8081],
    ['spec.endpoints[].weight', endpoint('weight: 4'), 'endpoints.0.weight', 4],
    ['spec.endpoints[].labels', endpoint('labels: {version: v7}'), 'endpoints.0.workload.canonicalRevision', 'v7'],
    [
      'spec.workloadSelector.labels',
      entry(
        'resolution: STATIC, workloadSelector: {labels: {app: reviews}}',
        '{number: 80, name: http, protocol: HTTP, targetPort: 9080}',
      ),
      'endpoints.length',
      2,
    ],
  ]),
]

const vm = 'endpoints outbound|80||vm.example.com'

/** The ServiceEntry `vm.example.com` selects `app: vm`. */
const workloadEntries: readonly FieldRow[] = [
  ...rows('WorkloadEntry', vm, [
    ['spec.address', '{address: 10.0.0.8, labels: {app: vm}}', 'endpoints.0.address', '10.0.0.8'],
    ['spec.ports', '{address: 10.0.0.8, ports: {http: 8081}, labels: {app: vm}}', 'endpoints.0.port', 8081],
    ['spec.weight', '{address: 10.0.0.8, weight: 3, labels: {app: vm}}', 'endpoints.0.weight', 3],
    ['spec.labels', '{address: 10.0.0.8, labels: {app: other}}', 'endpoints.length', 0],
  ]),
  ...rows('WorkloadEntry', 'cluster outbound|80||vm.example.com', [
    [
      'spec.serviceAccount',
      '{address: 10.0.0.8, serviceAccount: x, labels: {app: vm}}',
      'transportMatches.0.tls.subjectAltNames.0.match.value',
      'spiffe://cluster.local/ns/default/sa/x',
    ],
  ]),
]

/** All fields. */
export const fieldRows: readonly FieldRow[] = [
  ...rows('VirtualService', host, [
    ['spec.hosts', http(`name: r, ${toReviews}`), 'routes.0.name', 'r'],
    ['spec.gateways', `{hosts: [reviews], gateways: [x], http: [{name: r, ${toReviews}}]}`, 'routes.0.name', 'default'],
    ['spec.exportTo', `{hosts: [reviews], exportTo: [x], http: [{name: r, ${toReviews}}]}`, 'routes.0.name', 'default'],
    ...httpMatches,
    ...httpActions,
  ]),
  ...rows('VirtualService', dbListener, tcpRules),
  ...destinationRules,
  ...serviceEntries,
  ...workloadEntries,
]
