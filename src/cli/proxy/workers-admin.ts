import { type AdminSource, answerAdmin, type DataPlaneDescription } from '../../proxy/index.ts'
import { mergePrometheus } from './merge-prometheus.ts'

/** A worker as the admin interface sees it. */
export interface AdminWorker {
  readonly slot: number
  readonly pid: number
  readonly adminSocket: string
}

/** What the supervisor's admin interface stands on. */
export interface WorkersAdminOptions {
  /** The worker of each slot. */
  readonly workers: () => readonly AdminWorker[]
  /** Workers that ended without being told to, since the start. */
  readonly restarts: () => number
  readonly quit: () => void
}

/** A worker has so long for its part, ms; one that hangs is left out, and is not ready. */
const answerTimeoutMs = 2_000

type Part = { readonly worker: AdminWorker; readonly status: number; readonly text: string }

/**
 * Answers the admin requests of a proxy with workers: metrics summed, clusters and listeners joined, ready when all are, `/drain_listeners`
 * to all. `?worker=<slot>` asks one worker alone. What is the same in all of them (`/config_dump`, `/certs`) comes from the first that answers.
 */
export function createWorkersAdmin(options: WorkersAdminOptions): (request: Request) => Promise<Response> {
  const ask = async (worker: AdminWorker, path: string, method = 'GET'): Promise<Part> => {
    try {
      const signal = AbortSignal.timeout(answerTimeoutMs)
      const response = await fetch(`http://localhost${path}`, { unix: worker.adminSocket, method, signal })
      return { worker, status: response.status, text: await response.text() }
    } catch {
      // It is starting, or has ended.
      return { worker, status: 503, text: 'STARTING\n' }
    }
  }
  const askAll = (path: string, method?: string): Promise<readonly Part[]> => {
    return Promise.all(options.workers().map((worker) => ask(worker, path, method)))
  }
  return async (request) => {
    const url = new URL(request.url)
    const one = url.searchParams.get('worker')
    if (one !== null && request.method === 'GET') {
      const worker = options.workers().find(({ slot }) => String(slot) === one)
      if (worker === undefined) return new Response(`No worker ${one}\n`, { status: 404 })
      const { status, text } = await ask(worker, `${url.pathname}${url.search}`)
      return new Response(text, { status })
    }
    switch (url.pathname) {
      case '/config_dump':
      case '/certs':
      case '/server_info': {
        const parts = await askAll(url.pathname)
        const first = parts.find(({ status }) => status === 200) ?? parts[0]
        const headers = { 'content-type': 'application/json' }
        return new Response(first?.text ?? '{}', { status: first?.status ?? 503, headers })
      }
      case '/drain_listeners':
        if (request.method === 'POST') await askAll(url.pathname, 'POST')
        break
      default:
    }
    const [ready, metrics, clusters, listeners] = await Promise.all([
      askAll('/ready'),
      url.pathname.startsWith('/stats') ? askAll('/stats/prometheus') : [],
      url.pathname === '/clusters' ? askAll('/clusters?format=json') : [],
      url.pathname === '/listeners' ? askAll('/listeners?format=json') : [],
    ])
    const source: AdminSource = {
      state: () => stateOf(ready),
      waiting: () => ready.flatMap(waitingOf),
      metrics: () => mergePrometheus([...okTexts(metrics), ownMetrics(ready, options.restarts())]),
      describe: () => ({
        listeners: mergeListeners(okTexts(listeners)),
        clusters: mergeClusters(okTexts(clusters)),
        routeTables: [],
        activeRequests: 0,
        state: 'serving',
      }),
      resources: () => [],
      certificate: () => undefined,
      info: () => ({}),
      drain: () => undefined,
      quit: options.quit,
    }
    return answerAdmin(request, source)
  }
}

function okTexts(parts: readonly Part[]): readonly string[] {
  return parts.filter(({ status }) => status === 200).map(({ text }) => text)
}

function stateOf(ready: readonly Part[]): ReturnType<AdminSource['state']> {
  if (ready.some(({ text }) => text.startsWith('DRAINING'))) return 'DRAINING'
  return ready.length > 0 && ready.every(({ status }) => status === 200) ? 'LIVE' : 'INITIALIZING'
}

function waitingOf({ worker: { slot, pid }, status, text }: Part): readonly string[] {
  if (status === 200) return []
  const what = text.trim().split('\n').join(', ').replaceAll('waiting for ', '')
  return [`worker ${slot} (process ${pid}): ${what}`]
}

function ownMetrics(ready: readonly Part[], restarts: number): string {
  const isReady = ready.filter(({ status }) => status === 200).length
  return [
    '# HELP weft_proxy_workers Workers of this proxy, by state.',
    '# TYPE weft_proxy_workers gauge',
    `weft_proxy_workers{state="ready"} ${isReady}`,
    `weft_proxy_workers{state="not_ready"} ${ready.length - isReady}`,
    '# HELP weft_proxy_worker_restarts_total Workers that ended without being told to and were started again.',
    '# TYPE weft_proxy_worker_restarts_total counter',
    `weft_proxy_worker_restarts_total ${restarts}`,
    '',
  ].join('\n')
}

type Listeners = DataPlaneDescription['listeners']
type Clusters = DataPlaneDescription['clusters']

function mergeListeners(texts: readonly string[]): Listeners {
  const merged = new Map<string, Listeners[number]>()
  for (const listener of texts.flatMap((text) => parseOwnJson(text).listeners)) {
    const before = merged.get(listener.name)
    const connections = (before?.connections ?? 0) + listener.connections
    merged.set(listener.name, { ...listener, connections })
  }
  return [...merged.values()]
}

function mergeClusters(texts: readonly string[]): Clusters {
  const merged = new Map<string, Map<string, Clusters[number]['endpoints'][number]>>()
  for (const cluster of texts.flatMap((text) => parseOwnJson(text).clusters)) {
    const endpoints = merged.get(cluster.name) ?? new Map<string, Clusters[number]['endpoints'][number]>()
    merged.set(cluster.name, endpoints)
    for (const endpoint of cluster.endpoints) {
      const key = `${endpoint.address} ${endpoint.port}`
      const before = endpoints.get(key)
      endpoints.set(key, {
        ...endpoint,
        // One worker's passive checks may have ejected what another's have not: the worse is shown.
        health: before === undefined || before.health === 'healthy' ? endpoint.health : before.health,
        activeRequests: (before?.activeRequests ?? 0) + endpoint.activeRequests,
        connections: (before?.connections ?? 0) + endpoint.connections,
        totalRequests: (before?.totalRequests ?? 0) + endpoint.totalRequests,
      })
    }
  }
  return [...merged].map(([name, endpoints]) => ({ name, endpoints: [...endpoints.values()] }))
}

/** Workers are this program: what they print is what `describe` gave, the one list or the other. */
function parseOwnJson(text: string): { readonly listeners: Listeners; readonly clusters: Clusters } {
  const value: { readonly listeners?: Listeners; readonly clusters?: Clusters } = JSON.parse(text)
  return { listeners: value.listeners ?? [], clusters: value.clusters ?? [] }
}
