import type { Origin } from '../../resources/index.ts'
import type { LiveMesh } from '../mesh/index.ts'
import type { ProxyStatus, Status } from '../rest/index.ts'
import type { WorkloadRecord } from '../workloads/index.ts'
import type { PushEngine } from './push-engine.ts'

/** Warnings shown at once; beyond that a count would help nobody. */
const maxWarnings = 1000

/** The state of the whole mesh, as `weft status` shows it. */
export function createStatus(
  engine: PushEngine,
  live: LiveMesh,
  facts: Pick<Status, 'version' | 'trustDomain'>,
): Status {
  const mesh = live.mesh()
  return {
    ...facts,
    revision: live.revision,
    proxies: live
      .workloads()
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((record) => proxyStatus(engine, record)),
    services: mesh.services.size,
    workloads: mesh.workloads.size,
    warnings: collectWarnings(engine, live),
  }
}

function proxyStatus(engine: PushEngine, record: WorkloadRecord): ProxyStatus {
  const { id, name: workload, namespace } = record
  const session = engine.session(id)
  if (session === undefined) {
    const nothing = { userAgent: '', connected: false, connectedSince: '', acknowledgedRevision: 0 }
    return { id, workload, namespace, ...nothing, types: [], rejections: [] }
  }
  const { client } = session
  const state = client.state()
  return {
    id,
    workload,
    namespace,
    userAgent: client.node.userAgent,
    connected: true,
    connectedSince: new Date(client.connectedAt).toISOString(),
    types: state.types.map((type) => ({ ...type })),
    acknowledgedRevision: Math.max(0, session.acknowledgedRevision()),
    rejections: state.rejections.map(({ typeUrl, resources, message, origins, at }) => ({
      typeUrl,
      resources: [...resources],
      message,
      origins: origins.map((origin) => ({ ...origin })),
      at: new Date(at).toISOString(),
    })),
  }
}

/** What the compiler found for any proxy, and remarks on stored objects; each once. */
function collectWarnings(engine: PushEngine, live: LiveMesh): Status['warnings'] {
  const warnings = new Map<string, Status['warnings'][number]>()
  const add = (code: string, message: string, origin: Origin): void => {
    if (warnings.size < maxWarnings) {
      warnings.set(`${code}\0${message}\0${origin.file}\0${origin.line}`, { code, message, origin: { ...origin } })
    }
  }
  for (const session of engine.sessions()) {
    for (const { code, message, origin } of session.warnings) add(code, message, origin)
  }
  for (const { apiVersion, kind: plain, namespace, name, remarks } of live.objects()) {
    const [group] = apiVersion.split('/')
    const kind = group === apiVersion ? plain : `${plain}.${group}`
    for (const { code, severity, message, file, line } of remarks) {
      if (severity === 'warning') add(code, message, { kind, namespace, name, file, line })
    }
  }
  return [...warnings.values()]
}
