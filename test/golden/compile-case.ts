/**
 * A golden case of the compiler: `in.yaml` starts with a document that names the workloads and the proxy to compile; the
 * other documents are plain user YAML.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { type CompileResult, compileProxy, type Interest } from '../../src/compile/index.ts'
import { checkResources, translateResources } from '../../src/dialects/index.ts'
import { spiffeIdOf } from '../../src/identity/index.ts'
import { buildMesh, type Mesh, type Workload } from '../../src/model/index.ts'
import { parseFiles, renderDiagnostics } from '../../src/resources/index.ts'

const portSchema = z.object({
  port: z.int(),
  name: z.string().default('http'),
  protocol: z.enum(['http1', 'http2', 'grpc', 'tcp']).optional(),
})

const workloadSchema = z.object({
  id: z.string(),
  namespace: z.string().default('default'),
  labels: z.record(z.string(), z.string()).optional(),
  serviceAccount: z.string().optional(),
  health: z.enum(['starting', 'ready', 'draining']).default('ready'),
  weight: z.int().default(1),
  ports: z.array(portSchema).default([{ port: 9080, name: 'http' }]),
  tcpUpstreams: z.array(z.object({ host: z.string(), port: z.int(), loopbackPort: z.int() })).default([]),
  transparent: z.boolean().default(false),
})

const caseSchema = z.object({
  client: z.string(),
  authorities: z.array(z.string()).optional(),
  workloads: z.array(z.union([z.string(), workloadSchema])),
})

/** A case ready to compile. */
export interface CompileCase {
  readonly mesh: Mesh
  readonly workload: Workload
  readonly interest: Interest
}

const settings = { trustDomain: 'cluster.local', serviceDomain: 'svc.cluster.local', rootNamespace: 'istio-system' }

/** Folder of the cases. */
export const casesFolder = join(import.meta.dir, '../../src/compile/testdata')

/** Reads a case of the folder; throws with all diagnostics when its YAML is refused. */
function loadCase(name: string): CompileCase {
  return readCase(readFileSync(join(casesFolder, name, 'in.yaml'), 'utf8'))
}

/** Reads the text of a case; throws with all diagnostics when its YAML is refused. */
export function readCase(text: string): CompileCase {
  const end = text.indexOf('\n---\n')
  const header = caseSchema.parse(parse(text.slice(0, end)))
  const firstLine = text.slice(0, end + 5).split('\n').length
  const files = [{ path: 'in.yaml', text: text.slice(end + 5), firstLine }]
  const { resources, diagnostics } = parseFiles(files, {
    defaultNamespace: 'default',
  })
  const errors = [...diagnostics, ...checkResources(resources)].filter((each) => each.severity === 'error')
  if (errors.length > 0) throw new Error(renderDiagnostics(errors, files))
  const workloads = header.workloads.map((each, index) =>
    toWorkload(workloadSchema.parse(typeof each === 'string' ? { id: each } : each), index),
  )
  const parts = translateResources(resources, settings, (resource) =>
    String(resources.indexOf(resource)).padStart(6, '0'),
  )
  const mesh = buildMesh({ ...parts, workloads: [...parts.workloads, ...workloads] })
  const workload = mesh.workloads.get(header.client)
  if (workload === undefined) throw new Error(`No workload ${header.client}`)
  const interest: Interest =
    header.authorities === undefined
      ? { kind: 'everything' }
      : { kind: 'on-demand', authorities: new Set(header.authorities) }
  return { mesh, workload, interest }
}

/** Compiles a case. */
export function compileCase(name: string): CompileResult {
  return compileProxy(loadCase(name))
}

/** `reviews-v2-1` is an instance of version v2 of the app reviews. */
function toWorkload(spec: z.infer<typeof workloadSchema>, index: number): Workload {
  const [app = spec.id, version = 'v1'] = spec.id.split('-')
  const labels = new Map(Object.entries(spec.labels ?? { app, version }))
  const serviceAccount = spec.serviceAccount ?? `bookinfo-${app}`
  const base = 20_000 + index * 100
  return {
    id: spec.id,
    namespace: spec.namespace,
    name: `${app}-${version}`,
    labels,
    serviceAccount,
    spiffeId: spiffeIdOf(settings.trustDomain, spec.namespace, serviceAccount),
    address: '127.0.0.1',
    ports: spec.ports.map(({ port, name, protocol }, offset) => ({
      port,
      name,
      applicationPort: base + 10 + offset,
      meshPort: base + 20 + offset,
      ...(protocol === undefined ? {} : { protocol }),
    })),
    weight: spec.weight,
    meshed: true,
    health: spec.health,
    proxy: {
      inboundAddress: '127.0.0.1',
      httpProxyPort: base,
      tcpUpstreams: spec.tcpUpstreams,
      ...(spec.transparent ? { transparentPort: base + 1, dnsPort: base + 2 } : {}),
    },
    createdAt: '2026-01-01T00:00:00Z',
    origin: { kind: 'Workload', namespace: spec.namespace, name: spec.id, file: 'weft run', line: 1 },
  }
}
