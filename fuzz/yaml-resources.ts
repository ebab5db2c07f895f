import { checkResources } from '../src/dialects/index.ts'
import { parseFiles, renderDiagnostics } from '../src/resources/index.ts'
import { expectThat, fuzzFromCommandLine, type FuzzTarget } from './fuzz-target.ts'

const texts = [
  `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default, labels: { a: b } }
spec:
  hosts: [reviews]
  http:
  - match: [{ uri: { prefix: /a }, headers: { x: { exact: "1" } } }]
    timeout: 1.5s
    retries: { attempts: 2, perTryTimeout: 250ms, retryOn: "5xx,reset" }
    fault: { delay: { fixedDelay: 1s, percentage: { value: 0.5 } } }
    route: [{ destination: { host: reviews, subset: v1, port: { number: 9080 } }, weight: 80 }, { destination: { host: reviews, subset: v2 }, weight: 20 }]
`,
  `# a comment
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata:
  name: reviews
spec:
  host: reviews
  trafficPolicy: &policy
    loadBalancer: { simple: RANDOM }
    connectionPool: { tcp: { maxConnections: 10, connectTimeout: 30ms }, http: { http1MaxPendingRequests: 1 } }
  subsets:
  - { name: v1, labels: { version: v1 }, trafficPolicy: *policy }
---
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080, targetPort: 80 }] }
`,
  `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"networking.istio.io/v1","kind":"ServiceEntry","metadata":{"name":"a"},
"spec":{"hosts":["a.example"],"ports":[{"number":80,"name":"http","protocol":"HTTP"}],"resolution":"STATIC","endpoints":[{"address":"127.0.0.1"}]}}]}
`,
  'apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: { name: a }\nspec: { address: 1.2.3.4, ports: { http: 80 } }\n',
  'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: { name: g }\nspec: { servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }] }\n',
]

/** The parser of users' files, and what the dialects say of what it found. */
export const yamlResources: FuzzTarget = {
  name: 'yaml-resources',
  seeds: texts.map((text) => Buffer.from(text)),
  dictionary: [
    '\n---\n',
    '&a ',
    '*a',
    '<<: *policy',
    '!!binary ',
    '!<x>',
    '|\n',
    '>-\n ',
    '? ',
    '- ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '\t',
    '__proto__: {}',
    'constructor',
    '.nan',
    '.inf',
    '-1',
    '0x10',
    '1e999',
    'null',
    '~',
    '\uFEFF',
    '%YAML 1.1\n',
    '9999999999999999999',
    'regex',
    'kind: VirtualService',
    'items:',
    'spec:',
    'metadata:',
    '(a+)+',
    'tcp:',
    'mirror:',
    'exportTo: ["."]',
  ],
  run(input) {
    const text = input.toString('utf8')
    const lines = text.split(/\r\n|\r|\n/).length
    const { resources, diagnostics } = parseFiles([{ path: 'in.yaml', text }], { defaultNamespace: 'default' })
    const all = [...diagnostics, ...checkResources(resources)]
    for (const { code, file, line, column, message } of all) {
      expectThat(/^WEFT_[A-Z]+(_[A-Z0-9]+)+$/.test(code), `code ${code}`)
      expectThat(file === 'in.yaml' && message !== '', `a fault without a place or words: ${code}`)
      expectThat(line >= 1 && line <= lines + 1 && column >= 1, `${code} at ${line}:${column} of ${lines} lines`)
    }
    expectThat(all.length <= text.length + 8, `${all.length} faults in ${text.length} characters`)
    const rendered = renderDiagnostics(all, [{ path: 'in.yaml', text }])
    expectThat(all.length === 0 || rendered.length > 0, 'faults that print as nothing')
    return `${resources.map(({ kind }) => kind).join()} ${[...new Set(all.map(({ code, field }) => `${code} ${field}`))].join()}`.slice(
      0,
      300,
    )
  },
}

if (import.meta.main) await fuzzFromCommandLine(yamlResources)
