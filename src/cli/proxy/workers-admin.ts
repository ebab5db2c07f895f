import { type AdminSource, answerAdmin } from '../../proxy/index.ts'
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

type Part = { readonly worker: AdminWorker; readonly status: number; readonly text: string; readonly type: string }

/**
 * Answers the admin requests of a proxy with workers: metrics and clusters summed, ready when all are, what changes something passed to
 * all. `?worker=<slot>` asks one worker alone. What is the same in all of them (`/config_dump`, `/certs`) comes from the first that answers.
 */
export function createWorkersAdmin(options: WorkersAdminOptions): (request: Request) => Promise<Response> {
  const ask = async (worker: AdminWorker, path: string, method = 'GET'): Promise<Part> => {
    try {
      const signal = AbortSignal.timeout(answerTimeoutMs)
      const response = await fetch(`http://localhost${path}`, { unix: worker.adminSocket, method, signal })
      const type = response.headers.get('content-type') ?? 'text/plain'
      return { worker, status: response.status, text: await response.text(), type }
    } catch {
      // It is starting, or has ended.
      return { worker, status: 503, text: 'STARTING\n', type: 'text/plain' }
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
    const path = `${url.pathname}${url.search}`
    switch (url.pathname) {
      case '/quitquitquit':
      case '/ready':
      case '/stats':
      case '/stats/prometheus': {
        const ready = await askAll('/ready')
        const metrics = url.pathname.startsWith('/stats') ? await askAll('/stats/prometheus') : []
        const own = ownMetrics(ready, options.restarts())
        return answerAdmin(
          request,
          sourceOf(ready, () => mergePrometheus([...okTexts(metrics), own]), options.quit),
        )
      }
      case '/clusters': {
        // The parts of JSON would have to be taken apart again: one worker answers in that form.
        if (url.searchParams.get('format') === 'json')
          return new Response('Expected worker=<slot> with format=json\n', { status: 400 })
        const parts = await askAll(path)
        return new Response(mergeClusters(okTexts(parts)), { status: parts.some(isOk) ? 200 : 503 })
      }
      default: {
        // What changes something is for all of them; the rest is the same in all.
        const parts = await askAll(path, request.method)
        const first = parts.find(isOk) ?? parts[0]
        const headers = { 'content-type': first?.type ?? 'text/plain' }
        return new Response(first?.text ?? '', { status: first?.status ?? 503, headers })
      }
    }
  }
}

function sourceOf(ready: readonly Part[], metrics: () => string, quit: () => void): AdminSource {
  return {
    state: () => stateOf(ready),
    waiting: () => ready.flatMap(waitingOf),
    metrics,
    quit,
    // The workers answer everything else themselves.
    resetCounters: () => undefined,
    describe: () => ({ listeners: [], clusters: [], routeTables: [], activeRequests: 0, state: 'serving' }),
    resources: () => [],
    bootstrap: () => ({}),
    certificates: () => [],
    info: () => ({}),
    uptimeSeconds: () => 0,
    log: { levels: () => new Map(), setLevel: () => false },
    drain: () => undefined,
    failHealthCheck: () => undefined,
  }
}

function isOk({ status }: Part): boolean {
  return status === 200
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

const summed: ReadonlySet<string> = new Set(['cx_active', 'rq_active', 'rq_total'])

/** Joins the text form of `/clusters`: numbers of an endpoint are summed, and its health is the worst that a worker sees. */
function mergeClusters(texts: readonly string[]): string {
  const merged = new Map<string, string>()
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const at = line.lastIndexOf('::')
    if (at < 0) continue
    const [key, value] = [line.slice(0, at), line.slice(at + 2)]
    const before = merged.get(key)
    const name = key.slice(key.lastIndexOf('::') + 2)
    if (before === undefined || (name === 'health_flags' && before === 'healthy')) merged.set(key, value)
    else if (summed.has(name)) merged.set(key, String(Number(before) + Number(value)))
  }
  return [...merged].map(([key, value]) => `${key}::${value}\n`).join('')
}
